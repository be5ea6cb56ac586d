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
hours = { $count } h
