# Moves between villages.

error-moved_away = File { $elder } has been handed over to { $to }: it is edited there
    .hint = shouwang transfer list
error-transfer_same_place = The file is in { $to } already
    .hint = shouwang area list
error-transfer_outside = { $to } is no village or town of this mesh
    .hint = To another county: a sealed export, and exit from the roster. Places of this one: shouwang area list
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
