# What is seen of a running node while it runs.

watch-running = The node runs
watch-not-running = No node runs here; it is looked for again every second: shouwang up
watch-no-answer = No answer for { $seconds } s: the node is busy, or it hangs
watch-looking = Looking for the node …
watch-peers = Peers
watch-happenings = What happens
watch-here = here
watch-nothing-wrong = Nothing is wrong
watch-more = { $count } more: shouwang doctor
watch-no-peers = No peer has been met yet
watch-nothing-happened = Nothing has happened since the node was started
watch-forgotten = { $count } earlier ones are no longer remembered
watch-keys = q quit · ↑↓ scroll · Tab other list · r look now
watch-small = The window is too small
watch-all-here = all exchanged
watch-last = last complete { $age }
watch-never-done = never complete

happening =
    .began = session begun
    .proved = has proved its grant
    .done = exchange complete
    .silent = does not confirm what was sent
    .parted = link down
    .failed = session ended: { $reason }
    .received = { $count ->
            [one] { $count } entry received
           *[other] { $count } entries received
        }
    .refused = sent what was refused: { $reason }
    .set_aside = { $count ->
            [one] { $count } entry kept, does not count
           *[other] { $count } entries kept, do not count
        }: { $reason }
    .set_aside_there = does not count { $count } of ours: { $reason }
    .wrote = { $count ->
            [one] { $count } entry written
           *[other] { $count } entries written
        }
    .incidents = { $count ->
            [one] { $count } new incident: shouwang incident list
           *[other] { $count } new incidents: shouwang incident list
        }
    .conflicts = { $count ->
            [one] { $count } more conflict: shouwang conflicts list
           *[other] { $count } more conflicts: shouwang conflicts list
        }
    .authority = who may do what has changed
    .forked = two branches of one log: shouwang doctor

error-bad_metrics_token = The first line of { $path } is no token: { $length } characters at least, without spaces
    .hint = For example: head -c 24 /dev/urandom | base64 > { $path }
no-log-file = No log is written: { $path }: { $detail }
manual-written = Pages written to { $path }
error-wipe_running = The node of this home runs
    .hint = Stop it first (ctrl-c, or: systemctl stop shouwang), then again: shouwang device wipe
wipe-not-safe = Nothing was done
wipe-question = Destroy everything in { $home }, for good?
wipe-done = { $home } is destroyed: nobody can read it any more
wipe-left = Left, for it is not this program's: { $path }
wipe-secret = Destroy the key file too, wherever there is a copy of it, and delete what was exported
wipe-grant = In the office above, if this device was not retired: shouwang device revoke ID --reason retired
