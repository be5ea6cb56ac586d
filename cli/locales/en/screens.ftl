# What screens say.

list-separator = ,{" "}
phrase-separator = ;{" "}
labelled = { $label }: { $value }
unknown = unknown
never = never
now = now
clock-went-back = the clock went back
seconds-ago = { $count } s ago
minutes-ago = { $count } min ago
hours-ago = { $count } h ago
days-ago = { $count } d ago
dry-run = Nothing was written: this was a dry run
more-rows = … and { $count } more: --verbose or --json shows them

# Set up.
default-name-county = County office
default-name-township = Township office
default-name-village = Village office
init-done = { $name } is the first device of a new mesh for { $area }
own-fingerprint = Fingerprint of this device: { $fingerprint }
root-key-in-file = The root key is in { $path }, and nowhere else. Lock it away: copy it to paper, or keep the file on a stick in a safe, and leave none on this machine: it is the only way back when every device is lost, and whoever has it owns the mesh
root-key-on-screen = This is the root key. It is shown once and kept nowhere: copy it to paper and lock it away. It is the only way back when every device is lost, and whoever has it owns the mesh
init-next = Next: shouwang area import FILE, then shouwang up
request-pass-on = Give this request to whoever may grant (by message, on paper, or read aloud):
compare-aloud = Compare aloud with the other side: { $fingerprint }
request-next = Then: shouwang join INVITE
grant-done = { $name } may act as { $role } in { $area }
invite-in-file = The invite is in { $path }
grant-next = Give the invite to the new device: shouwang join INVITE
grant-next-file = Give that file to the new device: shouwang join { $path }
join-done = This device is { $name }: { $role } in { $area }
join-next = Next: shouwang up
join-next-without-address = Next: shouwang up, with --peer ADDRESS unless the mesh is in this local network
request-in-file = The request is in { $path }: give that file to whoever may grant
grant-replaced = The grants that the device had are revoked. It takes this one up by itself at its next exchange, and publishes again what this one allows
qr-too-long = No QR code: the text is too long for one. Use --out FILE
qr-too-wide = No QR code: it takes { $needed } columns and this window has { $width }. Make it wider, or use --out FILE

# Devices.
grant-own = this device
grant-stands = in force
grant-revoked = revoked
grant-void = void: issued after its issuer was cut off
revocation-head = { $name } · { $device } ({ $role }, { $area })
revocation-keeps = What this node holds of it by now still counts ({ $logs ->
    [one] { $logs } log
   *[other] { $logs } logs
}). This works off line
revocation-cuts = Whatever else it wrote or will write is kept in quarantine and does not count; any of it can be taken in one by one: shouwang quarantine list
revocation-grants = Devices that it let in by now keep their grants; later ones are void
revocation-unheard = Nodes that have not heard of this yet still talk with it. They hear of it at their next exchange with one that has
revocation-seen = What it has seen it has seen: nobody can take that back
revocation-question = Revoke?
revocation-done = { $name } is revoked
revocation-next = It spreads with the next exchange: shouwang sync
retire-what = This device gives its own grant back: nothing that it writes after this counts. Only a new grant lets it in again
retire-question = Retire this device?
exposure-contact = Last heard of: { $seen } · last complete exchange: { $done } · its last entry here: { $written }
exposure-encrypted = Its directory is encrypted. Whoever has the disk alone reads nothing; whoever also has the passphrase or the key file, or found it running, reads everything
exposure-none = No elder has a file in its area yet
exposure-own-only = It was never sent the files of its area; it has what it wrote itself
exposure-files = It may hold { $elders ->
    [one] { $elders } elder's file
   *[other] { $elders } elders' files
}:
quarantine-empty = Nothing is in quarantine
quarantine-next = To take entries in: shouwang quarantine adopt ENTRY
adopt-these = { $count ->
    [one] { $count } entry will count again:
   *[other] { $count } entries will count again:
}
adopt-ancestors = { $count ->
    [one] { $count } entry comes in with it, because it was built on it:
   *[other] { $count } entries come in with it, because it was built on them:
}
adopt-question = Take this in?
adopt-done = { $count ->
    [one] { $count } entry counts again
   *[other] { $count } entries count again
}

# Places.
area-imported = Places: { $new } new, { $changed } renamed, { $unchanged } as before
area-outside = { $count ->
    [one] { $count } place outside this device's area was left alone:
   *[other] { $count } places outside this device's area were left alone:
}
area-line-fault = Line { $line } names no place: { $reason }
no-places = No places are named here yet: shouwang area import FILE

# Running.
up-ready = The node runs
up-listening = Listening on { $address }
up-admin = Commands on this machine reach it at { $address }
up-stop = Stop it with ctrl-c
up-stopped = The node has stopped

# Passphrase, backup.
passphrase-prompt = Passphrase of this node:
passphrase-prompt-new = New passphrase:
passphrase-prompt-again = Once more:
passphrase-changed = The node is locked with the new passphrase
key-file-changed = The node is locked with the key file. Keep it apart from this computer, with a copy: without it nobody can read the node's data
secret-of-old-backups = Backups that were made before still open with what locked the node then
secret-forgotten = A forgotten passphrase or a lost key file cannot be recovered by anybody. Enrol this device anew from a new directory (shouwang --home NEW request, then grant and join): everything that was synced comes back from peers
backup-progress = Backing up
backup-done = Backup written: { $path }, { $bytes } bytes
backup-secret = It opens with this node's present passphrase or key file, and with nothing else
restore-progress = Copying the backup
restore-checking = Checking every page
restore-done = Restored into { $home }
restore-next = Sync once before writing anything: shouwang sync. Entries made since the backup come back from peers. Do not run the old home again beside this one
compact-progress = Writing the store anew
compact-done = Written anew: { $before } bytes before, { $after } bytes now

# Import.
import-progress = Importing
import-heading =
    .import-rejected = Rejected: these rows are not taken in
    .import-skipped = Skipped: these rows are about nobody, or about somebody who came before
    .import-gaps = Gaps: these rows are taken in, but lack the following
    .import-differences = Changes: files that are there differ in the following
import-sheet-without-header = Sheet { $sheet } has no row of headings and was not read
import-unknown-column = Sheet { $sheet }, column { $column } ({ $heading }) is not known and was not read
import-rejected-hint = To correct rejected rows: shouwang import FILE --rejected rejected.xlsx
no-row-rejected = No row was rejected; { $path } was not written
rejected-written = { $count ->
    [one] { $count } rejected row is in { $path }: correct it there and import that file
   *[other] { $count } rejected rows are in { $path }: correct them there and import that file
}

# Elders and visits.
elder-added = File { $id } is saved
elder-saved = File { $id } is saved
elder-same = File { $id } says so already
no-elders = No elders here
elder-count = { $count ->
    [one] { $count } elder
   *[other] { $count } elders
}
card-not-here = card not here yet
conflict-with = conflict: { $values }
settle-conflict = decide: shouwang conflicts list --elder { $id }
conflict-beside = Conflict in { $part }, { $field }: { $effective } takes effect, { $others } is kept beside it
differs-in = { $part } says { $value }
unsettled-line = { $count ->
    [one] { $count } entry is kept and does not count: { $reason }
   *[other] { $count } entries are kept and do not count: { $reason }
}
visit-added = The visit is saved in file { $id }
no-visits = No visits
visit-count = { $count ->
    [one] { $count } visit
   *[other] { $count } visits
}

# Status and peers.
status-head = { $area } · { $name } { $device } ({ $role })
status-totals = Elders { $elders } · entries { $entries } · conflicts { $conflicts }
status-running = The node runs
status-not-running = The node does not run; its store was opened for this answer
hint-not-held-elsewhere = { $count ->
    [one] A peer lacks { $count } entry: shouwang sync
   *[other] A peer lacks { $count } entries: shouwang sync
}
hint-conflicts = To see conflicts: shouwang conflicts list
hint-up = To exchange as changes happen: shouwang up
hint-first-sync = Nothing is here yet: shouwang sync --peer ADDRESS
no-peers = No peers met yet: shouwang sync --peer ADDRESS
peer-online = online
peer-exchanging = online, exchanging
peer-seen = seen { $age }
peer-stale = stale, seen { $age }
peer-skewed = online, skewed
peer-never = never
peer-refused = refused

# Sync.
sync-outcome =
    .held_back = held back
    .done = done
    .failed = failed
    .refused = refused
    .unreachable = not reached
sync-looking = Looking for peers
sync-progress = { $peer } { $bytes }
sync-done = Done: everyone who was reached has everything
sync-failed = An exchange failed
sync-refused = An exchange was refused
sync-unreachable = Nobody could be reached (retrying may help)
retry-may-help = (retrying may help)
no-need-to-retry = (no need to retry)

# Verify.
verify-progress = Reading everything
verify-read = Read { $logs ->
    [one] { $logs } log
   *[other] { $logs } logs
}, { $entries ->
    [one] { $entries } entry
   *[other] { $entries } entries
}, { $signatures ->
    [one] { $signatures } signature
   *[other] { $signatures } signatures
}; rebuilt { $documents ->
    [one] { $documents } document
   *[other] { $documents } documents
}, { $elders ->
    [one] { $elders } elder
   *[other] { $elders } elders
}
verify-ok = Nothing is wrong
verify-faults = { $count ->
    [one] { $count } fault
   *[other] { $count } faults
}

# Samples.
sample-done = { $name }: { $elders } elders who do not exist, in { $path }
sample-areas = The county's places are in { $path }
sample-next = Next: shouwang area import areas.csv, then shouwang import ledger.xlsx --dry-run

# Custody, audit, refused things.
custody-level = Held by { $level }: all but { $count }
custody-level-all = Held by { $level }: everything
held-all-but = { $count ->
    [0] everything
   *[other] all but { $count }
}
retire-safe = Safe to wipe: others hold every record that this device has written
retire-not-safe = Not safe to wipe: the records above are nowhere else, as far as is known here
retire-hint = shouwang sync, until the offices above have confirmed
nothing-refused = Nothing was refused, and every entry counts
refused-by-a-later-version = This version has no words for it. Update this program
refused-count = { $count ->
    [one] { $count } thing
   *[other] { $count } things
}
nothing-audited = Nobody has looked at elders on this node
audit-full = { $count ->
    [one] The audit is full: its oldest row has gone
   *[other] The audit is full: its { $count } oldest rows have gone
}
audit-gone = { $count ->
    [one] { $count } older row has gone
   *[other] { $count } older rows have gone
}
problem-vouched = { $count ->
    [one] { $count } entry written after a revocation counts, because an honest edit was built on it: look at it
   *[other] { $count } entries written after a revocation count, because honest edits were built on them: look at them
}
custody-nobody = No other device confirms what this one writes. To have a second copy confirmed, let in another device for the whole area: shouwang request there, shouwang grant here
