# Ways to peers.

via =
    .lan = LAN
    .wan = wide area
    .relayed = relayed
up-asks-relay = Asking a relay for a place; once it gives one, others reach this node at { $address }
