# Erasing a file.

help-elder-erase = Erase a file: one device's signature hides it everywhere, a second one removes it
    .elder = The file's id, or the first characters of it that are enough
    .reason = Why
    .root-key = Sign with the root key in this file instead of with this device
    .yes = Sign; without this only what would happen is said
    .list = What has been signed, what waits for a second signature, and late edits
    .example =
        shouwang elder erase --list
        shouwang elder erase 3fa9 --reason right-to-erasure
        shouwang elder erase 3fa9 --reason right-to-erasure --yes
        shouwang elder erase 3fa9 --reason retention --root-key root.txt --yes

erase-would-hide = First signature: file { $id } ({ $entries } entries) would be hidden on every node. Nothing is removed until another device with the right, or the root, signs too
erase-would-remove = Second signature: what stands in the { $entries } entries of file { $id } would be removed on every node for good
erase-hidden = File { $id } ({ $entries } entries) is hidden. It is removed when another device with the right, or the root, signs too
erase-removed = What stood in the { $entries } entries of file { $id } is removed here, and on every node that hears of it
erase-late = { $count ->
    [one] { $count } later entry for this file is not covered: it is kept and shown, and has to be erased anew
   *[other] { $count } later entries for this file are not covered: they are kept and shown, and have to be erased anew
}
erase-limits = A device that never syncs again keeps its copy, and so does a backup that was made before
erase-add-yes = Nothing has been written. To sign, say it again with --yes
no-erasures = Nobody has signed to erase a file here
erasure-void = does not count
erasure-waits = hidden, waits for a second signature
erasure-complete = removed
erasure-signed = { $name }, { $reason }, { $age }
erasure-list-next = Second signature, at another device with the right: shouwang elder erase FILE --reason REASON --yes
erasure-reason =
    .right_to_erasure = right to erasure
    .retention = retention
    .mistake = mistake
    .other = another reason

error-erase_right = This device may not erase files
    .hint = At the county, or with the root key: shouwang elder erase FILE --reason REASON --root-key FILE
error-erase_again = This device has signed already: another device with the right, or the root, has to sign too
    .hint = At another device of the county, or here: shouwang elder erase FILE --reason REASON --root-key FILE
error-erase_done = The file is erased: two have signed, and nothing of it is left
    .hint = shouwang elder erase --list
error-erase_nothing = There is nothing of this file here
    .hint = shouwang elder find NAME
