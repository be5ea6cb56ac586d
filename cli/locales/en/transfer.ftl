# Moves between villages.

help-transfer = Elders who move: from one village to another
    .example =
        shouwang transfer offer 3fa9 --to 990121101204
        shouwang transfer list
        shouwang transfer accept 5c1d
help-transfer-offer = Offer an elder to another village; this one keeps the duty until that one accepts
    .elder = The file's id, or the first characters of it that are enough
    .to = The new place: a division code, or the name of a place
    .all = All elders of a place
    .from = With --all: the old place
    .date = The day of the offer, instead of today
    .note = Free text for the receiver
    .dry-run = With --all: say what it would come to, and do nothing
    .yes = With --all: do not ask
    .example =
        shouwang transfer offer 3fa9 --to 990121101204 --note "lives with her son now"
        shouwang transfer offer --all --from 990121101203 --to 990121101204 --dry-run
help-transfer-accept = Accept an elder who is offered to this place: the second signature
    .transfer = The offer's id or the file's, or the first characters of it that are enough
    .all = All offers by a place
    .from = With --all: the old place
    .date = The day of the acceptance, instead of today
    .note = Free text
    .dry-run = With --all: show the offers, and do nothing
    .yes = With --all: do not ask
    .example =
        shouwang transfer accept 5c1d
        shouwang transfer accept --all --from 990121101203
help-transfer-decline = Decline an elder who is offered to this place: the duty stays where it is
    .transfer = The offer's id or the file's, or the first characters of it that are enough
    .date = The day, instead of today
    .note = Why
    .example =
        shouwang transfer decline 5c1d --note "has not moved here"
help-transfer-cancel = Withdraw an offer by this place, unless it is accepted
    .transfer = The offer's id or the file's, or the first characters of it that are enough
    .date = The day, instead of today
    .note = Why
    .example =
        shouwang transfer cancel 5c1d
help-transfer-list = List moves that wait for somebody, and for whom
    .scope = Only those from or to this place and what lies inside it: a code or a name
    .all = Those that wait for nobody too
    .example =
        shouwang transfer list
        shouwang transfer list --all --scope 990121101203
help-transfer-out = Send an elder's file, sealed, to another county; the elder stays on the roster until the other county acknowledges it
    .elder = The file's id, or the first characters of it that are enough
    .to = The place outside this mesh: a division code
    .recipient = The receiver's key, age1…; may be given several times
    .output = The sealed file: a new one
    .date = The day, instead of today
    .note = Free text for the receiver
    .example =
        shouwang transfer out 3fa9 --to 510822000000 --recipient age1… --output elder.tar.age
help-transfer-acknowledged = Note that the other county has acknowledged the file: the elder leaves the roster, moved out
    .transfer = The offer's id or the file's, or the first characters of it that are enough
    .date = The day of the acknowledgement, instead of today
    .note = Who acknowledged it, and how
    .example =
        shouwang transfer acknowledged 5c1d --note "receipt no. 17 of the other county's bureau"

transfer-stage =
    .offered = offered
    .accepted = accepted
    .moved = handed over
    .done = done
    .declined = declined
    .cancelled = withdrawn
    .superseded = void: the file went elsewhere
    .left = acknowledged by another county
transfer-step = Transfer { $id }: file { $elder }, from { $from } to { $to }: { $stage }
transfer-offered-next = Until the new place accepts, the duty stays here. A node that holds both places takes the offer there. What waits for whom: shouwang transfer list
transfer-accepted-next = The nearest node that holds both places, the township's or the county's, carries it out when it hears of it: the file then shows here, with its history. Exchange now: shouwang sync
transfer-declined-next = The duty stays with the old place, which hears of it at the next exchange: shouwang sync
transfer-cancelled-next = The duty stays here. Should the new place have accepted before it hears of this, its acceptance stands
transfer-preview = From { $from } to { $to }: { $elders } elders, { $entries } entries, { $bytes }
transfer-preview-offered = { $count ->
    [one] { $count } of them is offered already and is left as it is
   *[other] { $count } of them are offered already and are left as they are
}
transfer-preview-device = Device { $name } ({ $device }) is granted in the old place: to go on it needs a grant for the new one: shouwang grant REQUEST --area { $to }
transfer-offer-question = { $count ->
    [one] Offer { $count } elder?
   *[other] Offer { $count } elders?
}
transfer-accept-question = { $count ->
    [one] Accept { $count } elder?
   *[other] Accept { $count } elders?
}
transfer-offered-all = { $count ->
    [one] { $count } elder is offered
   *[other] { $count } elders are offered
}
transfer-accepted-all = { $count ->
    [one] { $count } elder is accepted
   *[other] { $count } elders are accepted
}
transfer-skipped = { $count ->
    [one] { $count } was left out: offered already, or offered by this very device
   *[other] { $count } were left out: offered already, or offered by this very device
}
transfer-none = No elder has been offered here
transfer-none-open = No move waits for anybody. Those that are over: shouwang transfer list --all
transfer-waits-you = this place's acceptance
transfer-waits-acceptance = acceptance by { $to }
transfer-waits-executor = a node that holds both places
transfer-waits-receipts = another node to confirm the copies
transfer-next-answer = shouwang transfer accept { $id }, or: shouwang transfer decline { $id } --note WHY
transfer-next-sync = To hear and be heard: shouwang sync
transfer-stub-holds = still stored here, until another node confirms the copies
transfer-stub-gone = only the offer is left here
transfer-out-written = File { $elder } ({ $documents } documents) is sealed for { $to }: { $path }
transfer-out-next = The elder stays on the roster. When the other county has acknowledged the file: shouwang transfer acknowledged { $id } --note TEXT. To withdraw: shouwang transfer cancel { $id }
transfer-left = File { $elder }: { $to } has acknowledged it; the elder has left the roster of { $from }, moved out
transfer-left-next = The file stays here and is no longer due. Should the elder return: shouwang roster enter FILE --reason re-entry
transfer-waits-acknowledgement = acknowledgement by { $to }, outside this mesh
transfer-next-acknowledged = When the other county has acknowledged it: shouwang transfer acknowledged { $id } --note TEXT

error-moved_away = File { $elder } was handed over to { $to } on { $date }: it is kept and edited there
    .hint = shouwang transfer list --all
error-transfer_same_place = The file is in { $to } already
    .hint = shouwang area list
error-transfer_outside = { $to } is no village or town of this mesh
    .hint = To another county: shouwang transfer out. Places of this one: shouwang area list
error-transfer_open = The elder is offered to { $to } already
    .hint = shouwang transfer list, or withdraw it: shouwang transfer cancel { $transfer }
error-transfer_unknown = No offer of this place begins with { $transfer }
    .hint = shouwang transfer list
error-transfer_ambiguous = Several offers begin with { $transfer }
    .hint = Give more characters: shouwang transfer list
error-transfer_not_carried = Offer { $transfer } has not come to the new place yet: a node that holds both brings it
    .hint = shouwang sync
error-transfer_accepted = Offer { $transfer } is accepted: acceptance stands
    .hint = Offer the elder back from the new place: shouwang transfer offer
error-transfer_declined = Offer { $transfer } was declined
    .hint = Offer anew: shouwang transfer offer
error-transfer_cancelled = Offer { $transfer } was withdrawn
    .hint = Ask the old place to offer anew
error-transfer_same_device = This device made the offer: another has to accept, so that two have signed
    .hint = At the new place: shouwang transfer accept
error-transfer_superseded = Nothing comes of offer { $transfer }: the file has gone elsewhere since
    .hint = shouwang transfer list
error-transfer_inside = { $to } is no place outside this mesh
    .hint = Within this mesh: shouwang transfer offer FILE --to { $to }
error-bad_recipient = { $recipient } is no key of a receiver
    .hint = The receiver's key begins with age1: ask for it again, and compare it aloud
error-seal = The file could not be sealed: { $detail }
    .hint = Try again; if it goes on: shouwang verify
