# Conflicts, undo, history, duplicates, merging.

help-conflicts = Values that were written without knowing of one another
    .example =
        shouwang conflicts list
        shouwang conflicts resolve 3f9a12c4-7b21ee --keep 2
help-conflicts-list = Every field in which several values stand, who wrote them, and which takes effect
    .scope = Only this place and what lies inside it
    .elder = Only this file: its id, or the first characters of it that are enough
    .example =
        shouwang conflicts list
        shouwang conflicts list --scope 990121101203
        shouwang conflicts list --elder 3fa9
help-conflicts-resolve = Decide between values by an edit that has seen them all
    .conflict = The conflict, as `conflicts list` names it
    .keep = Keep the value with this number
    .value = Write this value instead
    .example =
        shouwang conflicts resolve 3f9a12c4-7b21ee --keep 2
        shouwang conflicts resolve 3f9a12c4-7b21ee --value 13900000001
help-undo = Take back what was done last on this device, by a new edit; undo again to do it again
    .dry-run = Say what would be done and do nothing
    .yes = Do not ask
    .example =
        shouwang undo
        shouwang undo --dry-run
        shouwang undo --yes
help-elder-history = Everything that was done to a file, by whom, and whether it counts
    .elder = The file's id, or the first characters of it that are enough
    .example = shouwang elder history 3fa9
help-elder-duplicates = Files that may be one person's: one resident ID, or one name and birth date in a village
    .example = shouwang elder duplicates
help-elder-merge = Join two files of one person: the first goes on, the other is shown with it
    .keep = The file that goes on
    .other = The other file
    .dry-run = Say what would be done and do nothing
    .yes = Do not ask
    .example =
        shouwang elder merge 3fa9 51aa
        shouwang elder merge 3fa9 51aa --dry-run

no-conflicts = No conflicts
parts-differ = Offices that say different things (no conflict; the one shown prevails):
clocks-disagree = Some device's clock cannot have been right: times say nothing here of what came first
conflicts-next = decide: shouwang conflicts resolve { $id } --keep NO.
kept-beside = kept beside it
effective-by =
    .most_protective_wins = takes effect: asks for most care
    .last_writer_wins = takes effect until somebody decides
    .write_once = takes effect until the county has reviewed it
written-by = { $name }, { $role }, { $when }
clock-doubt =
    .before_seen = ! its clock is earlier than what it had seen
    .before_grant = ! its clock is earlier than its own grant
    .set_back = ! its clock was set back
conflict-resolved = { $field }: { $value } stands; no longer { $replaced }
resolved-safer = { $value } stood there too and asks for more care: it has been put aside by this decision
resolved-certified = Certified by the county as well

undo-these = The last edit here ({ $when }) would be taken back:
undo-question = Take it back?
undo-nothing-left = Nothing of it can be taken back
undo-done = Taken back, in { $count ->
    [one] { $count } place
   *[other] { $count } places
}. To do it again: shouwang undo
undo-left = Left as it stands: file { $id }, { $field }: { $reason } { $by }
undo-reason =
    .changed_since = somebody has written there since
    .gone = it is not there any more
    .there_already = it has been put in again
    .written_once = written once, and other offices hold it: the county corrects it
    .does_not_count = it does not count
undo-kind =
    .grant = a grant (take it away: shouwang device revoke)
    .revocation = a revocation
    .erasure = an erasure
    .adoption = an adoption
    .transfer = a transfer (shouwang transfer cancel)
    .places = names of places (import them again)
    .rules = rules (set them again)
    .other = this kind of entry
also-stood = { $values } stood there too and does not come back
nothing-said = (nothing)
history-what =
    .set = written
    .cleared = cleared
    .added = added
    .amended = amended
    .removed = removed
    .retracted = taken back
    .restored = put back
vouched-for = vouched for after a revocation, or carried here from another village
not-readable = (not to be read here)
was-retracted = taken back by { $by }
takes-no-effect = not for this office to say
of-no-effect = Without effect: { $field }: { $says } ({ $by }): { $why }

no-duplicates = No duplicates
likeness =
    .same_id = same ID
    .same_name_and_birth_date = same name and birth date
duplicates-next = join two of one village: shouwang elder merge { $keep } { $other }
duplicates-across = of different villages: move one first (shouwang transfer offer), then merge
hint-duplicates = { $count ->
    [one] { $count } person seems to have several files: shouwang elder duplicates
   *[other] { $count } people seem to have several files: shouwang elder duplicates
}
merge-these = { $keep } { $keep_name } goes on; { $other } { $other_name } is shown with it
merge-copied = copied
merge-not-copied = not for this device to copy; it is shown all the same
merge-differs = the other file: { $other }, shown beside it
merge-question = Are these one person's, and shall they be joined?
merge-done = Joined: { $keep } goes on, { $other } is shown with it
merge-undo = To part them again: shouwang undo
merged-into = This file was merged into { $id }: shouwang elder show { $id }
merged-from = File { $id } was merged into this one
not-taken-over = Only in a file merged into this one: { $list }: { $says }
differs-elsewhere = another file of this person: { $value }
stands-in-file = from file { $id }

error-in_conflict = Several values stand in { $field }, written without knowing of one another: an edit must not put out one that nobody has seen
    .hint = shouwang conflicts list, then: shouwang conflicts resolve { $id } --keep NO.
error-conflict_changed = Other values stand there by now
    .hint = Look again and decide: shouwang conflicts resolve { $id } --keep NO.
error-conflict_unknown = No such conflict stands: { $id }
    .hint = shouwang conflicts list
error-conflict_number = There are { $count } values: say the number of one of them
    .hint = shouwang conflicts list
error-conflict_choice = Say which value to keep, or what to write instead
    .hint = shouwang conflicts resolve CONFLICT --keep NO., or --value TEXT
error-resident_id_review = Which resident ID is right is for the county to certify
    .hint = At the county: shouwang conflicts resolve { $id } --keep NO.
error-undo_nothing = Nothing has been written on this device that could be taken back
    .hint = shouwang elder history FILE
error-undo_another = Something else was written here since the preview
    .hint = Look again: shouwang undo
error-undo_too_large = The last edit stands in too many places to be taken back as one
    .hint = Import the corrected ledger, or correct single files: shouwang elder set
error-not_undoable = The last thing done here cannot be taken back: { $what }
    .hint = shouwang log
error-merge_same = A file cannot be merged with itself
    .hint = shouwang elder duplicates
error-merge_across_villages = The files lie in different villages: one has to move first
    .hint = shouwang transfer offer { $elder } { $scope }, and merge when it has arrived
error-merge_contradicts = The files contradict one another in what tells people apart (name, sex, birth date, ID number): two people. If they are one, correct the fields first: shouwang elder set
error-merge_roster = One of the files has left the roster and the other has not: write the same exit or entry in both first, so that nothing goes out of sight: shouwang roster exit, shouwang roster enter
error-merged_elsewhere = File { $elder } was merged into { $other }
    .hint = Go on with that one: shouwang elder show { $other }
