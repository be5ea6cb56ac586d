# What an operator looks at: who is silent, what is wrong, and what to do.

lag-head = { $area } · as of { $moment }
lag-coverage = Data of { $with } of { $villages } villages
lag-ages = { $coverage } · half of them not older than { $half } · 95 % not older than { $most } · oldest { $worst }
lag-all-current = No village is silent
lag-silent = { $count ->
    [one] { $count } village is silent: no new data for longer than expected
   *[other] { $count } villages are silent: no new data for longer than expected
}
lag-never = { $count ->
    [one] Nothing of its own has ever come from { $count } village
   *[other] Nothing of their own has ever come from { $count } villages
}
lag-failure = { $village }: the last session failed: { $reason }
lag-call = By telephone: “Please switch the computer on and connect it. Then type: shouwang doctor. What does it say at the end?”
lag-stick = No network there? shouwang bundle export --to { $place } on a stick, and one back
lag-no-villages = No village lies in this device's area
days = { $count } d
years = { $count } years
more-than-a-hundred-years = more than a hundred years
minutes = { $count } min
hours = { $count } h

finding =
    .store_here = Entries in the store: { $entries }
    .missing_bodies = { $count ->
            [one] The content of one entry is missing here; every peer is asked for it
           *[other] The content of { $count } entries is missing here; every peer is asked for it
        }
    .space_enough = { $free } of room; at the growth so far it lasts { $lasts }
    .space_unknown = How much room is left where the store lies cannot be read
    .space_low = Only { $free } of room is left, at the growth so far for { $lasts }; to write itself anew the store needs { $store }
    .space_none = The disk is as good as full: { $free } left. What is typed may not be saved
    .locked_by_passphrase = The store is encrypted; a passphrase opens it
    .locked_by_key_file = The store is encrypted; a key file opens it
    .grant_stands = The grant of this device stands
    .grant_revoked = The grant of this device is revoked: nothing that it writes counts any more
    .told_revoked = { $peer } says that the grant of this device is revoked
    .rolled_back = { $count } ×: the disk of this node was put back to an earlier state. What it had forgotten comes back from its peers, and it writes under a new name from now on
    .cloned_home = { $count } ×: another machine writes with the keys of this device, or its disk was put back more than once
    .forked_log = { $count } ×: a device has written two branches of one log, as a restored or copied disk does. Both are kept and count
    .clock_plausible = The clock agrees with those of peers to { $minutes } min
    .clock_not_compared = The clock has been compared with nobody's yet
    .clock_behind = The clock is { $minutes } min behind those of peers
    .clock_ahead = The clock is { $minutes } min ahead of those of peers
    .clock_wrong = The clock says { $local } and cannot be right: { $why }. Dates must be typed, and are flagged rather than refused
    .running = The node runs
    .not_running = The node does not run; its store was opened for this answer
    .nobody_met = No peer has been met yet
    .last_exchange = { $online } of { $peers } peers are connected; the last exchange was complete { $ago }
    .no_exchange = No exchange has been complete for longer than expected ({ $ago })
    .no_exchange_ever = Peers have been met, and no exchange was ever complete
    .turned_away = { $peer } may not take part: { $reason }
    .peer_refused = { $peer } sent { $count } × what was refused or set aside: { $reason }
    .set_aside_there = { $peer } does not count { $count } × what came from here: { $reason }
    .peer_hung_up = { $peer } hung up and will not mend by itself: { $reason }
    .we_hung_up = The session with { $peer } ended and will not mend by itself: { $reason }
    .unanswered = Nobody answers at { $address }
    .holding_back = The day's { $daily } are spent: everyday records wait until tomorrow, incidents do not
    .villages_heard = { $current } of { $villages } villages have brought new data as often as expected
    .villages_silent = { $count ->
            [one] One village has brought no new data for longer than expected
           *[other] { $count } villages have brought no new data for longer than expected
        }
    .villages_never = { $count ->
            [one] Nothing of its own has ever come from one village
           *[other] Nothing of their own has ever come from { $count } villages
        }
    .villages_without_device = { $count ->
            [one] One village has no device yet
           *[other] { $count } villages have no device yet
        }
    .transfers_to_answer = { $count ->
            [one] One offer of an elder waits for an answer of this device
           *[other] { $count } offers of elders wait for an answer of this device
        }
    .unsettled = { $count ->
            [one] One entry is kept and does not count: { $reason }
           *[other] { $count } entries are kept and do not count: { $reason }
        }
    .vouched = { $count ->
            [one] One entry written after a revocation counts, because an honest edit was built on it: look at it
           *[other] { $count } entries written after a revocation count, because honest edits were built on them: look at them
        }
    .all_held = Everything written here is held elsewhere too
    .nobody_confirms = No other device confirms what this one writes
    .not_held = { $count ->
            [one] One edit is not yet held elsewhere, for { $age }
           *[other] { $count } edits are not yet held elsewhere, the oldest for { $age }
        }
    .not_held_long = { $count ->
            [one] One edit is nowhere else, for { $age }: if this disk fails it is lost
           *[other] { $count } edits are nowhere else, the oldest for { $age }: if this disk fails they are lost
        }
    .incidents_overdue = { $count ->
            [one] One incident should have been acknowledged here
           *[other] { $count } incidents should have been acknowledged here
        }
    .incidents_unacknowledged = { $count ->
            [one] Nobody has acknowledged one incident yet
           *[other] Nobody has acknowledged { $count } incidents yet
        }
    .erasures_waiting = { $count ->
            [one] One file waits for a second signature to be erased
           *[other] { $count } files wait for a second signature to be erased
        }
    .evidence = { $count ->
            [one] One refused thing is kept as evidence
           *[other] { $count } refused things are kept as evidence
        }
    .versions = Program { $program }
    .update_needed = Update needed: the mesh has rules of a kind that this version does not know
finding-fix =
    .missing_bodies = shouwang sync, with the offices above and the devices that wrote them
    .space_unknown = Look yourself whether the disk has room
    .space_low = Make room on the disk, or: shouwang compact
    .space_none = Make room on the disk at once; then: shouwang verify
    .grant_revoked = The office above: shouwang grant REQUEST --replace. Here first: shouwang request
    .told_revoked = Ask the office above; a new grant: shouwang request
    .rolled_back = Nothing to do for the records. Find out who put the disk back, and why
    .cloned_home = Stop one of the two machines and let it in anew: shouwang request
    .forked_log = Ask its owner by telephone: “Was your computer's folder copied or restored?”
    .clock_behind = Set the clock of this computer
    .clock_ahead = Set the clock of this computer
    .clock_wrong = Set the clock of this computer
    .not_running = shouwang up
    .nobody_met = shouwang sync --peer ADDRESS
    .no_exchange = Is the network plugged in? Then: shouwang sync. No network: shouwang bundle export
    .no_exchange_ever = Is the network plugged in? Then: shouwang sync. No network: shouwang bundle export
    .turned_away = Has it a grant of this mesh? At its computer: shouwang request; here: shouwang grant
    .peer_refused = shouwang log --refused
    .set_aside_there = shouwang log --refused
    .peer_hung_up = By telephone, to whoever looks after { $peer }: “What does shouwang doctor say?”
    .we_hung_up = By telephone, to whoever looks after { $peer }: “What does shouwang doctor say?”
    .unanswered = Is that computer on, and its node running? At its keyboard: shouwang up. Under another address: shouwang sync --peer ADDRESS
    .holding_back = shouwang budget off, if it has to go today
    .villages_silent = shouwang lag --unhealthy
    .villages_never = shouwang lag --unhealthy
    .villages_without_device = To let one in. There: shouwang request; here: shouwang grant
    .transfers_to_answer = shouwang transfer list
    .unsettled = shouwang log --refused
    .vouched = shouwang quarantine list
    .not_held = shouwang sync
    .nobody_confirms = Let in another device for the whole area. There: shouwang request; here: shouwang grant
    .not_held_long = shouwang sync at once; without a network: shouwang bundle export on a stick, or shouwang backup
    .incidents_overdue = shouwang incident list --overdue
    .incidents_unacknowledged = shouwang incident list
    .erasures_waiting = shouwang elder erase --list
    .evidence = shouwang log --refused
    .update_needed = Install the new version of this program; the store stays
finding-group =
    .storage = storage
    .encryption = encryption
    .identity = identity
    .time = time
    .network = network
    .scope = villages
    .data = records
    .versions = versions

health-good = Healthy
health-attention = Attention
health-bad = Something is wrong
health-risk = Records at risk
doctor-count = { $errors ->
    [one] { $errors } error
   *[other] { $errors } errors
}, { $warnings ->
    [one] { $warnings } warning
   *[other] { $warnings } warnings
}
doctor-all-well = Nothing is wrong
doctor-bundled = The report is in { $path }. It holds no names, numbers or words of elders; read it before you pass it on

explain-here = { $id } is here, in { $scope }
explain-merged = { $id } in { $scope } was merged: it goes on in { $to }
explain-moved-away = { $id } has moved from { $scope } to { $to }; what was written of it is there
explain-arriving = { $id } is on its way to { $scope }: what was carried ahead waits for the handover
explain-hidden = { $id } in { $scope } is hidden: one device has signed to erase it, a second has not
explain-erased = { $id } in { $scope } was erased by two signatures
explain-set-aside = Entries of { $id } in { $scope } are here, but none of them counts: it is not shown
explain-unsettled = { $count ->
    [one] { $count } entry of it is kept and does not count
   *[other] { $count } entries of it are kept and do not count
}: shouwang log --refused
explain-nothing = Nothing is here of a file with this id. Files of { $area } and what lies inside it can be here, no others
explain-nothing-why = Its village may be silent: shouwang lag --unhealthy. Or the id is not quite right: shouwang elder find NAME
explain-more = There are more: write more of the id
explain-outside = Files of { $place } are never here: this device is for { $area }
error-explain_what = “{ $what }” is no code of this program, no place and no beginning of a file's id
    .hint = shouwang doctor names codes with --json; shouwang area list names places; shouwang elder list names files
lag-new = let in lately
lag-no-device = no device
lag-unserved = { $count ->
    [one] One village has no device yet: shouwang request there, shouwang grant here
   *[other] { $count } villages have no device yet: shouwang request there, shouwang grant here
}
hint-doctor = shouwang doctor
