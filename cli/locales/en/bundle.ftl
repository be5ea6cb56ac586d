# Bundles: what goes on a stick.

help-bundle = Exchange by USB stick what the network would carry
    .example =
        shouwang bundle export --to 990121101000 --out /media/stick
        shouwang bundle import /media/stick
        shouwang bundle inspect /media/stick
help-bundle-export = Write what others lack to a file that only they can open
    .to = Whom it is for: a place (code or name), whose devices can all open it, or a device (name, or the first digits of its key); several may be given
    .out = The new file, or a directory in which it gets a name
    .size = Split it into files of at most this size: 512M, 1.4M
    .full = Also what they are known to hold
    .example =
        shouwang bundle export --to 990121101000 --out /media/stick
        shouwang bundle export --to 990121101203 990121101204 --out villages.bundle
        shouwang bundle export --to 990121000000 --size 512M --out /media/stick
help-bundle-import = Take in what somebody has brought: in any order, as often as you like
    .files = Files, or a directory with them
    .example =
        shouwang bundle import /media/stick
        shouwang bundle import one-1.bundle one-2.bundle
help-bundle-inspect = Say what is in a file, without taking anything in or opening a record
    .files = Files, or a directory with them
    .example = shouwang bundle inspect /media/stick

bundle-progress-write = Writing the bundle
bundle-progress-read = Reading the bundle
bundle-written = { $path }: part { $part } of { $parts }, { $bytes }
bundle-for = { $entries ->
        [one] { $entries } entry
       *[other] { $entries } entries
    } for { $names }. Only these devices can open it.
bundle-nothing-new = They are known to hold all that is theirs to hold; the file carries receipts only.
bundle-next = There: shouwang bundle import FILE, and bring back what their `shouwang bundle export` writes: it has the receipts
bundle-taken = { $path } (part { $part } of { $parts }) from { $sender }: { $entries ->
        [one] { $entries } entry
       *[other] { $entries } entries
    }, { $new } of them new
bundle-waiting = { $path }: { $runs ->
        [one] { $runs } run waits
       *[other] { $runs } runs wait
    } for what comes before
bundle-waiting-hint = Write a bundle for the sender now: it says what is here, and the sender's next one brings what is missing
bundle-missing-parts = Not here: part { $parts }. Import it, then this one again
bundle-refused = { $path }: { $runs ->
        [one] { $runs } run
       *[other] { $runs } runs
    } refused: { $reason }
bundle-faulty = { $path }: { $reason }
bundle-return = Receipts go back with your next bundle for the sender: shouwang bundle export
bundle-inside = { $path }: part { $part } of { $parts }, { $bytes }, from { $sender } for { $receivers }
bundle-written-at = Written { $age } by the sender's clock
bundle-not-ours = It is for other devices or of another mesh; what is inside cannot be opened here

bundle-fault =
    .not_a_bundle = this is not a bundle
    .bundle_version = it was written by another version of this program
    .other_mesh = it is of another mesh
    .not_for_us = it is for other devices
    .torn = it ends too early; what came before is kept
    .altered = its bytes are not those that the sender wrote; what came before is kept
    .unknown_sender = its sender shows no grant of this mesh
    .revoked = the grant of its sender is revoked
bundle-fault-hint =
    .not_a_bundle = Look for the file that `shouwang bundle export` named
    .bundle_version = Update the older of the two programs
    .other_mesh = Ask whoever brought it where it belongs; `shouwang status` shows this node's mesh
    .not_for_us = Have it written for this device: shouwang bundle export --to with this device's place; what is on the stick for others, leave there
    .torn = Copy the file once more, or have it written anew, and import it again
    .altered = Copy the file once more, or have it written anew, on another stick if it happens twice
    .unknown_sender = Have the sender's office or the one above bring a bundle first, or check who it is: shouwang device list
    .revoked = Nothing of it is taken. If the device was found again, grant it anew: shouwang grant --replace

error-bundle_receivers = A bundle is for 1 to { $limit } devices, not for { $count }
    .hint = Write several, each for some of them
error-bundle_receiver_gone = Device { $device } has lost its grant meanwhile
    .hint = Write the bundle again without it
error-bundle_nobody = No other device with a grant is known by “{ $value }”
    .hint = shouwang device list shows them; a place is named by its code
error-bundle_several = { $count } devices go by “{ $value }”
    .hint = Name one by more digits of its key: shouwang device list --verbose
error-bundle_none = There is no bundle in { $path }
    .hint = Name the file itself
error-size = “{ $value }” is no size
    .hint = For example 512M or 1.4M
error-bundle_size_small = A part of { $size } bytes is too small; this bundle takes { $least } at least
    .hint = Give a greater --size, or write for fewer receivers
error-bundle_parts = The bundle would have more than { $limit } parts
    .hint = Give a greater --size
error-bundle_stick_full = There is no room left for { $path }
    .hint = Nothing was left behind. Make room or use a larger stick; or export to a directory of this machine with --size and copy the parts to several sticks, in any order
error-bundle_file_too_large = This stick takes no file as long as { $path }
    .hint = Nothing was left behind. Split it: --size 2G
error-bundle_stick_gone = { $path } cannot be written any more: { $detail }
    .hint = The stick was pulled out or is write-protected. Files that end in .partial are no bundles: delete them, and write again
