# What is exchanged over links, and how far it is.

help-budget = Limit what may be exchanged in a day, where bytes are paid for
    .example =
        shouwang budget set 2M
        shouwang budget show
        shouwang budget off
help-budget-show = Say what is spent of today's bytes, and whether something waits for tomorrow
    .example = shouwang budget show
help-budget-set = Let everyday records wait for the next day once so much is spent; incidents, grants and receipts never wait, and the office's own network does not count
    .size = Bytes a day, as 500k, 2M or 1.5G
    .example =
        shouwang budget set 2M
        shouwang budget set 500k
help-budget-off = Exchange as much as there is
    .example = shouwang budget off

budget-none = No daily limit: as much is exchanged as there is
budget-left = Daily limit { $daily }: { $spent } spent today
budget-spent = Daily limit { $daily } is spent ({ $spent }): everyday records wait until { $at }, incidents do not
hint-budget = { $count ->
        [one] One record waits
       *[other] { $count } records wait
    } for tomorrow's bytes; to send them today: shouwang budget off
peer-held-back = online, held back
sync-held-back = The rest waits: the daily limit of one of the two is spent. What is urgent has been exchanged
hint-held-back = To see whose: shouwang budget show; to go on today: shouwang budget off, there
sync-bar = { $done }/{ $total } entries · { $percent } % · { $rate }/s · { $eta } to go · { $peers }

error-budget_small = A day takes { $least } bytes at least (signs of life, a few connections, an incident); { $bytes } is less
    .hint = For example: shouwang budget set 500k
