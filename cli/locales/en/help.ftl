# Help texts. `help-<path>` is a command, its attributes are its arguments and an example.

help-usage = Usage:
help-commands = Commands
help-command-value = COMMAND
help-options-value = OPTIONS
help-arguments = Arguments
help-options = Options
help-global-options = For all commands
help-help = Print help
help-possible = [one of: { $value }]
help-default = [default: { $value }]
help-environment = [environment: { $value }]
help-heading =
    .example = Examples:
    .exit-codes = Exit codes:

help = Shouwang 守望 keeps records of rural left-behind elders in village, township and county, on and off line
    .home = The node's directory
    .passphrase-file = Take the passphrase from the first line of this file instead of asking; SHOUWANG_PASSPHRASE may hold it too
    .key-file = Open the home with this key file instead of a passphrase; a new home makes it where there is none
    .json = Print one JSON object instead of text
    .format = How tables are printed
    .color = When text is coloured
    .lang = Language of messages, instead of the locale's
    .as-of = The day for ages, care groups and defaults, instead of today (UTC+8)
    .verbose = Say more: whole identifiers, absolute times, logs
    .version = Print the version
    .example =
        shouwang demo
        shouwang init --area 990121000000 --root-out root.txt
        shouwang status
    .exit-codes =
        0 healthy or done
        1 failed
        2 the command cannot be meant like this
        3 done, and something needs a person's attention
        4 stored data is at risk
        5 nobody could be reached: trying again may help
        6 refused: this device may not do that

help-init = Make a new mesh, and this device its first
    .area = The whole mesh's area, as a 12-digit division code
    .name = What screens call this device
    .root-out = Write the root key to this new file, outside the node's directory, instead of the screen
    .example =
        shouwang init --area 990121000000
        shouwang init --area 990121000000 --name "Bureau" --root-out root.txt

help-request = Make this device's keys and print a request for whoever may grant
    .out = Write the request to this new file instead of stdout
    .qr = Draw the request as a QR code
    .example =
        shouwang request
        shouwang request --out request.txt
        shouwang request --qr

help-grant = Let a device into the mesh, for an area inside this one
    .request = The text that the new device's `request` printed, a file with it, or - for stdin
    .area = Where it may act: a division code, or the name of a place
    .name = What screens call the device
    .role = What it may do; by default registrar, manager or clerk, by the level of the area
    .address = An address where the new device can reach the mesh, for the invite; may be repeated
    .replace = Put this grant in the place of those that the device has
    .root-key = Grant as the root, whose key stands in this file: the way back when a county's last device is lost
    .quota-mib = The most that it may write, MiB (256 if not said); what is more is refused by every node
    .out = Write the invite to this new file instead of stdout
    .qr = Draw the invite as a QR code
    .example =
        shouwang grant swreq1qq… --area 990121101000 --name "Songwu" --out invite.txt
        shouwang grant request.txt --area 990121101203 --name "Shanghe" --role helper
        shouwang grant request.txt --area 990121000000 --name "Bureau" --root-key root.txt

help-join = Join the mesh of an invite
    .invite = The text that `grant` printed, a file with it, or - for stdin
    .file = Read the invite from this file
    .example =
        shouwang join invite.txt
        shouwang join swinv1qq…

help-device = Devices: who takes part, and taking a device's rights away
    .example =
        shouwang device list
        shouwang device revoke 7f3a --reason lost
help-device-list = List devices: role, area, by whose grant, and whether it is in force
    .all = Revoked and void grants, too
    .example =
        shouwang device list
        shouwang device list --all --format tsv
help-device-revoke = Take a device's grant back: what is here of it by now counts, later entries do not
    .device = The device's id or the grant's, or the first characters of it that are enough
    .reason = Why
    .root-key = Revoke as the root, whose key stands in this file
    .dry-run = Say what would happen and what the device has seen, and do nothing
    .show-personal = Name the elders whose files it may hold
    .yes = Do not ask
    .example =
        shouwang device revoke 7f3a --reason lost --dry-run
        shouwang device revoke 7f3a --reason compromised
help-device-retire = Give this device's own grant back: nothing that it writes after this counts
    .check = Only say whether this device is safe to wipe, whether others hold all its records: exit 0 if it is, 4 if not
    .dry-run = Say what would happen, and do nothing
    .yes = Do not ask
    .example =
        shouwang device retire
        shouwang device retire --check
        shouwang device retire --dry-run

help-area = Names of places
    .example =
        shouwang area import areas.csv
        shouwang area list
help-area-import = Read names of places from a CSV file of codes and names
    .file = The file: a code and a name on each line, UTF-8 or GB18030
    .dry-run = Say what would be done and do nothing
    .example =
        shouwang area import areas.csv --dry-run
        shouwang area import areas.csv
help-area-list = List the places whose names are known here
    .within = Only this place and what lies inside it: a code or a name
    .example =
        shouwang area list
        shouwang area list 990121101000

help-up = Run the node until it is told to stop
    .listen = Where to listen; port 0 picks one; may be repeated
    .peer = A node to dial, beside those that are remembered; may be repeated
    .no-mdns = Do not look for peers in the local network
    .no-relay = Carry no connections of others, though this device may
    .admin-port = On which port of this machine programs ask this node (the metrics at /metrics); unless named this device's usual one, or a free one where that is taken
    .metrics-token-file = Whoever shows the first line of this file is given the metrics, and nothing else
    .log-file = Log to this file, which is turned over at 1 MiB; otherwise to logs/shouwang.log in the home
    .no-log-file = Log to no file
    .stop-with-stdin = Stop when stdin ends
    .example =
        shouwang up
        shouwang up --peer /ip4/10.1.2.3/tcp/4420
        shouwang up --listen /ip4/0.0.0.0/tcp/4430 --no-mdns
        shouwang up --listen /ip4/10.1.2.3/tcp/4420/p2p/12D3KooW…/p2p-circuit

help-open = Open the pages of this node in a browser; run the node too, where it does not run
    .no-browser = Start no browser; print the link alone
    .listen = Where to listen; port 0 picks one; may be repeated
    .peer = A node to dial, beside those that are remembered; may be repeated
    .no-mdns = Do not look for peers in the local network
    .no-relay = Carry no connections of others, though this device may
    .admin-port = On which port of this machine programs ask this node (the metrics at /metrics); unless named this device's usual one, or a free one where that is taken
    .metrics-token-file = Whoever shows the first line of this file is given the metrics, and nothing else
    .log-file = Log to this file, which is turned over at 1 MiB; otherwise to logs/shouwang.log in the home
    .no-log-file = Log to no file
    .stop-with-stdin = Stop when stdin ends
    .example =
        shouwang open
        shouwang open --no-browser --lang zh
help-device-passphrase = Lock this node's home with another passphrase or key file; it may be running meanwhile
    .new-passphrase-file = Take the new passphrase from the first line of this file instead of asking
    .new-key-file = Lock it with this key file instead of a passphrase; one is made where there is none
    .example =
        shouwang device passphrase
        shouwang device passphrase --new-key-file /media/key/office.key

help-device-wipe = Destroy this home: its keys first, then its store and logs. Exported files and backups are not touched
    .lose-unheld = Also while records are held nowhere else, or where the store does not open: they are lost
    .yes = Do not ask
    .example =
        shouwang device wipe
        shouwang device wipe --lose-unheld --yes
    .exit-codes =
        0  destroyed
        4  nothing was done: records would be lost

help-backup = Write everything this node holds into one encrypted file; it may be running meanwhile
    .file = The new file; one that is there is never overwritten
    .example =
        shouwang backup /media/stick/office.backup

help-restore = Make a new home out of a backup
    .file = The backup; it is opened by the passphrase or key file that the home had when it was made
    .example =
        shouwang --home NEW restore /media/stick/office.backup
        shouwang --home NEW --key-file office.key restore office.backup

help-compact = Write the store anew, so that nothing deleted stays in its file
    .example =
        shouwang compact

help-import = Import ledgers: .xlsx, or .csv in UTF-8 or GB18030
    .files = The ledgers
    .dry-run = Say what would be new, changed, unchanged, skipped or rejected, and do nothing
    .rejected = Write the rejected rows to this new ledger, to be corrected and imported again
    .diff = Write every change of files that were there, field by field, to this CSV file
    .yes = Change files that were there without asking; needed where nobody can be asked
    .example =
        shouwang import ledger.xlsx --dry-run
        shouwang import ledger.xlsx --rejected rejected.xlsx
        shouwang import songwu.xlsx qinghe.csv --json

help-elder = Files of elders
    .example =
        shouwang elder list
        shouwang elder find 0047
        shouwang elder show 3fa9
help-elder-add = Open a file
    .village = The village: a division code or a name; may be left out where this node's area is one
    .reason = Why the elder comes onto the roster: first-survey, reached60, supporter-left, supporter-incapable, moved-in, re-entry, omission
    .date = From which day the elder is on the roster [default: today]
    .fields = Fields and values; name is needed
    .example =
        shouwang elder add --village 990121101203 name=卫德福 sex=male birth_date=1942-03-15
help-elder-show = Show a file
    .elder = The file's id, or the first characters of it that are enough
    .show-resident-id = Show the resident ID number whole instead of its last four
    .example =
        shouwang elder show 3fa9
        shouwang elder show 3fa9 --as-of 2026-12-31
help-elder-set = Write fields of a file
    .elder = The file's id, or the first characters of it that are enough
    .fields = Fields and values
    .certified = Write into the highest document that this device may write
    .example =
        shouwang elder set 3fa9 phone=13800990001
        shouwang elder set 3fa9 ability_level=severe --certified
help-elder-list = List elders
    .scope = Only this place and what lies inside it: a code or a name
    .example =
        shouwang elder list
        shouwang elder list --scope 990121101203 --format tsv
help-elder-find = Find elders by part of the name, first letters of its pinyin, house, last four of the ID number, or id
    .text = What to look for
    .example =
        shouwang elder find 卫
        shouwang elder find wgy
        shouwang elder find 0047

help-visit = Visits
    .example =
        shouwang visit add 3fa9
        shouwang visit list --from 2026-11-01
help-visit-add = Record a visit; words may be English or Chinese
    .elder = The file's id, or the first characters of it that are enough
    .date = The day of the visit [default: --as-of]
    .time = The time of day, HH:MM
    .mode = How: home, phone, video, gathering, remote-monitoring
    .outcome = What came of it: completed, no-answer, refused, away
    .occasion = Why: routine, festival, extreme-weather, sealed-off, follow-up
    .health = Health: fine, concern or problem, and the items (expression, mobility, reaction, illness, mental-state)
    .economic = Economic: as --health (clothing, food, housing, transport, medical-care, benefits-received)
    .family = Family support: as --health (duties-unmet, no-greetings)
    .safety = Safety: as --health (house, water, power, gas, heating, fire)
    .needs = Service needs, separated by commas: daily-care, rehabilitation, emotional, emergency-rescue, home-adaptation, meals, cleaning, medical, mobility, errands, assistive-device, legal-aid
    .actions = What the visitor did: informed, reminded, referred, emergency
    .visitor = Who visited
    .note = Free text, at most 500 characters
    .example =
        shouwang visit add 3fa9
        shouwang visit add 3fa9 --mode phone --outcome no-answer
        shouwang visit add 3fa9 --health concern:mobility,illness --needs meals --note "heater broken"
help-visit-list = List visits, the newest first
    .elder = Only of this elder: the file's id, or the first characters of it
    .from = From this day on
    .to = Up to this day
    .example =
        shouwang visit list 3fa9
        shouwang visit list --from 2026-11-01 --to 2026-11-30

help-log = List what was refused or does not count, or who looked at elders
    .refused = What was refused, and entries that are kept and do not count, with the reasons
    .all = Also entries that only wait for others
    .audit = Who listed, showed, exported or printed data of elders on this node
    .example =
        shouwang log --refused
        shouwang log --refused --all --json
        shouwang log --audit --format tsv

help-status = How this node is: scopes, peers, and what needs a person
    .example =
        shouwang status
        shouwang status --json

help-peers = How it stands with every peer
    .example =
        shouwang peers
        shouwang peers --verbose

help-lag = Which village is silent, how old its data is, and how much of it is missing here
    .within = Only this place and what lies inside it: a code or a name
    .unhealthy = Only villages that somebody has to look after
    .example =
        shouwang lag
        shouwang lag 990121101000 --unhealthy
    .exit-codes =
        0  no village is silent
        3  a village is silent, or its last session failed and does not mend by itself

help-doctor = Look at everything, and say what mends what is wrong. Changes nothing
    .unhealthy = Only what is wrong
    .bundle = Write a report for whoever helps: numbers and codes, nothing about elders
    .example =
        shouwang doctor
        shouwang doctor --bundle report.json
    .exit-codes =
        0  nothing is wrong
        3  something needs a person
        4  records may be lost

help-watch = How it stands with every peer, and what happens, as it happens; off a terminal a line for each
    .example =
        shouwang watch
        shouwang watch --json
    .exit-codes =
        0  the person, or whoever reads, has seen enough

help-metrics = What a monitoring system keeps of this node, in the format of Prometheus
    .example =
        shouwang metrics
        shouwang metrics > shouwang.prom.new && mv shouwang.prom.new /var/lib/node_exporter/shouwang.prom
    .exit-codes =
        0  printed, however the node is

help-explain = What a code or a state means, and why a file or a place's files are or are not here
    .what = A code, such as forked_log; the code of a place; or the beginning of a file's id
    .example =
        shouwang explain forked_log
        shouwang explain 990121101203
        shouwang explain 51aa

help-quarantine = Entries that a revocation cut off
    .example =
        shouwang quarantine list
        shouwang quarantine adopt c91e
help-quarantine-list = List entries that a revocation cut off, and those that count all the same
    .scope = Only this place and what lies inside it: a code or a name
    .example =
        shouwang quarantine list
        shouwang quarantine list --scope 990121101203
help-quarantine-adopt = Take entries back in, and with them the entries that they were built on
    .entries = The entries, or the first characters of them that are enough
    .device = All of this device
    .dry-run = Say what would come in, and do nothing
    .yes = Do not ask
    .example =
        shouwang quarantine adopt c91e --dry-run
        shouwang quarantine adopt --device 7f3a

help-sync = Exchange with every peer that can be reached, and end
    .peer = A node to dial, beside those that are remembered; may be repeated
    .timeout = The most time to take, such as 90s or 5m
    .example =
        shouwang sync
        shouwang sync --peer /ip4/10.1.2.3/tcp/4420 --timeout 5m

help-verify = Read every header, body and signature again and rebuild every document
    .example =
        shouwang verify
        shouwang verify --json

help-demo = Try it: a county of eight processes on this machine imports, parts, and converges
    .seed = What people and places are made from
    .elders = Elders in all ledgers together
    .keep = Leave the homes in this new directory, to explore them
    .example =
        shouwang demo
        shouwang demo --elders 400 --keep county
        shouwang demo --json

help-sample = Write a realistic ledger of people who do not exist
    .seed = What people and places are made from
    .elders = How many elders
    .township = The township of the fictional county 霁川县
    .out = The ledger to write
    .faults = Plant the faults that real ledgers have
    .areas = Write the county's places to this file, for `area import`
    .townships = Townships of the county
    .villages = Villages of each township
    .example =
        shouwang sample --out ledger.xlsx --areas areas.csv
        shouwang sample --seed 7 --elders 500 --faults --township 990121200000 --out qinghe.xlsx

help-manual = Pages for man, in the language of the messages
    .out = Write one page for each command into this directory
    .example =
        shouwang manual | man -l -
        shouwang manual --out ~/.local/share/man/man1

help-completions = Print what a shell needs to complete command lines
    .shell = The shell
    .example =
        source <(shouwang completions bash)
        shouwang completions powershell
