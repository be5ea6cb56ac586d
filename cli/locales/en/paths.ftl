# Ways to peers.

via =
    .lan = LAN
    .wan = wide area
    .relayed = relayed
