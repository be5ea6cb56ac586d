# Failures. `error-<code>` says what went wrong, `.hint` what to do next.

error-unexpected = Something went wrong: { $detail }
    .hint = Run the command again with --verbose, and keep what it prints for whoever maintains this node
error-interrupted = Interrupted
error-no_home_directory = No directory for this node: the environment names no home
    .hint = shouwang --home DIR …

# The command line.
error-unknown_command = There is no command { $command }
    .hint = { $help }
error-unknown_command_similar = There is no command { $command }; is it { $similar }?
    .hint = { $help }
error-missing_command = Which command?
    .hint = shouwang --help
error-unknown_argument = { $argument } is not an argument of this command
    .hint = { $help }
error-missing_argument = Missing: { $argument }
    .hint = { $help }
error-argument_conflict = { $argument } cannot be used together with { $other }
    .hint = { $help }
error-argument_count = { $argument }: too few or too many values
    .hint = { $help }
error-option_without_value = { $argument } needs a value
    .hint = { $help }
error-option_value = "{ $value }" cannot be used for { $argument }
    .hint = { $help }
error-option_choice = "{ $value }" cannot be used for { $argument }; it is one of: { $allowed }
    .hint = { $help }
error-command_line = The command line cannot be read
    .hint = { $help }

# What people type.
error-date = { $argument }: "{ $value }" is not a date; write 2026-11-21
error-time = { $argument }: "{ $value }" is not a time of day; write 09:30
error-not_address = "{ $text }" is no address; write /ip4/127.0.0.1/tcp/4420
error-duration = { $argument }: "{ $value }" is not a span of time; write 90s or 5m
error-division_code = { $argument }: "{ $value }" is not a division code; it has 12 digits, such as 990121101203
error-choice = { $argument }: "{ $value }" is none of: { $allowed }
error-unknown_place = { $argument }: no place here is called "{ $value }"
    .hint = shouwang area list
error-ambiguous_place = { $argument }: several places are called "{ $value }": { $codes }
    .hint = Give the division code
error-field_without_value = "{ $value }": write FIELD=VALUE, such as phone=13800990001
error-unknown_field = There is no field "{ $value }"; the fields are: { $allowed }
error-field_twice = "{ $value }" is given twice
error-value_empty = { $field } cannot be empty
error-value_too_long = { $field } has { $length } characters; at most { $limit } fit
error-value_control = { $field } holds control characters
error-value_date = { $field } is a date between 1800 and 2199; write 1942-03-15
error-value_division = { $field } is a division code of 12 digits
error-value_resident_id = { $field }: { $reason }
error-value_choice = { $field } is one of: { $allowed }
error-value_number = { $field } is a whole number from 0 to { $limit }
error-elder_without_name = A file needs a name
    .hint = shouwang elder add --village CODE name=…
error-role_needed = { $area } is a province or prefecture: say which role the device shall have
    .hint = shouwang grant REQUEST --area { $area } --name NAME --role department

# Files.
error-file_not_found = There is no file { $path }
error-file_exists = { $path } exists and will not be overwritten
    .hint = Choose another file name
error-file_unreadable = { $path } cannot be read: { $detail }
error-file_unwritable = { $path } cannot be written: { $detail }
error-file_too_large = { $path } is larger than any real file of its kind
error-file_encoding = { $path } is neither a workbook nor text in UTF-8 or GB18030
    .hint = Save it as .xlsx, or as CSV in UTF-8
error-file_not_csv = { $path } is not a CSV file
    .hint = Save it as .xlsx, or as CSV in UTF-8
error-file_old_workbook = { $path } is an .xls file, or has a password
    .hint = Save it as .xlsx without a password
error-file_not_workbook = { $path } cannot be read as a workbook: { $detail }
    .hint = Open it in a spreadsheet program and save it as .xlsx
error-file_without_header = { $path } has no row of headings: looked for 姓名, 身份证号码, 所在村 and their like in the first rows of every sheet
    .hint = Name the columns, then: shouwang import FILE --dry-run
error-area_file_empty = { $path } names no places: each line has a division code of 12 digits, a comma, and a name
error-rejected_exists = { $file } exists and will not be overwritten
    .hint = Choose another file name: shouwang import ledger.xlsx --rejected rejected-2.xlsx
error-no_place_names = No place names are known here yet
    .hint = First: shouwang sync; or bring in the names: shouwang area import FILE
error-rejected_of_several = --rejected writes the rows of one ledger
    .hint = Import the files one by one
error-rejected_of_several_sheets = Rejected rows of several sheets need an .xlsx file
    .hint = shouwang import FILE --rejected rejected.xlsx
error-rejected_extension = Rejected rows are written to .xlsx or .csv
    .hint = shouwang import FILE --rejected rejected.xlsx
error-directory_not_empty = { $path } is not empty
    .hint = Choose a new directory

# The node.
error-no_node = There is no node in { $home }
    .hint =
        A new mesh: shouwang init --area CODE
        A new device in a mesh: shouwang request
error-not_joined = The node in { $home } has not joined a mesh yet
    .hint = shouwang join --file invite.txt
error-already_joined = The node in { $home } is in a mesh already
    .hint = For another node: shouwang --home DIR …
error-in_use = Another process has the node's store open, and does not answer
    .hint = Wait for it to end; a node that runs for long is started with: shouwang up
error-home_not_writable = { $path } cannot be made: { $detail }
    .hint = shouwang --home DIR …
error-home_not_accessible = No permission to read and write { $path }
    .hint = Run as the user who made it, or correct the directory's permissions
error-area_level = { $area } is neither a county nor a township, and a mesh begins at one of these
    .hint = shouwang init --area 990121000000
error-bad_invite = The invite cannot be read: { $detail }
    .hint = Copy it again from whoever granted it, or take it as a file: shouwang join --file invite.txt
error-admin_port_in_use = Port { $port } of this machine is in use
    .hint = Name another one for monitoring: shouwang up --admin-port 4422
error-admin_port = Port { $port } of this machine cannot be used: { $detail }
    .hint = Name one above 1024: shouwang up --admin-port 4422
error-port_in_use = { $address } is in use
    .hint = Stop the other node first, or choose another port: --listen /ip4/0.0.0.0/tcp/4421
error-network = The network cannot be used: { $detail }
    .hint = Choose another port: shouwang up --listen /ip4/0.0.0.0/tcp/0
error-node_unreachable = The running node (process { $pid }) does not answer
    .hint = Wait a little; if it stays so, end that process and start it again: shouwang up
error-node_stopped = The node has stopped
    .hint = shouwang up
error-no_randomness = The operating system gives no random numbers
error-thread = The operating system gives no further threads
error-already_running = The node in { $home } runs already
    .hint = shouwang status
error-invite_for_another_device = The invite is for another device
    .hint = Make this device's own: shouwang request
error-later_format = A later version of this program has written here: { $detail }
    .hint = Install that version or a later one here: shouwang --version
error-other_schema = The store was made by another version of this program: { $detail }
    .hint = Use the version that made it; or let this device in anew, from a new directory: shouwang --home NEW request. What was synced comes back from peers
error-store_corrupt = The store is damaged: { $detail }
    .hint = Copy the whole directory away first, delete nothing; then join again from a new directory: shouwang --home NEW request
error-store_failed = The store could not be read or written: { $detail }
    .hint = Check the disk's space and health, then: shouwang verify
error-bad_request = The running node does not understand this command
    .hint = Run the same version of the program on both sides: stop the node, then shouwang up
error-unknown_request = The running node does not know this command
    .hint = Run the same version of the program on both sides: stop the node, then shouwang up
error-reply = The node's answer could not be written
error-import_answer = The node did not answer for every row; nothing is known of the others
    .hint = Import the file again: what is in already stays as it is

# Encryption, backup.
error-secret_needed = The node's data is encrypted, and nothing opens it here
    .hint =
        On a terminal the passphrase is asked for. Otherwise one of these:
        --passphrase-file FILE, or SHOUWANG_PASSPHRASE in the environment
        --key-file FILE, or SHOUWANG_KEY_FILE in the environment
error-new_secret_needed = What shall lock the node from now on?
    .hint = shouwang device passphrase --new-passphrase-file FILE, or --new-key-file FILE
error-two_secrets = A passphrase and a key file are given; a node is locked with one of them
    .hint = Leave out --passphrase-file, SHOUWANG_PASSPHRASE, --key-file or SHOUWANG_KEY_FILE
error-passphrase_length = A passphrase has at least { $least } characters
    .hint = Several words in a row are easy to remember and hard to guess
error-passphrases_differ = The two passphrases differ
    .hint = Try again
error-terminal = The terminal cannot be read: { $detail }
    .hint = Use --passphrase-file FILE or --key-file FILE
error-wrong_passphrase = The passphrase is wrong
    .hint =
        Try again: capitals, input method.
        A forgotten passphrase or a lost key file cannot be recovered by anybody. Enrol this device anew from a new directory (shouwang --home NEW request, then grant and join): everything that was synced comes back from peers
error-wrong_key_file = This key file does not open the node
    .hint =
        Look for the one that was made with it.
        A forgotten passphrase or a lost key file cannot be recovered by anybody. Enrol this device anew from a new directory (shouwang --home NEW request, then grant and join): everything that was synced comes back from peers
error-passphrase_needed = The node is locked with a passphrase, not with a key file
    .hint = Leave out --key-file, or use --passphrase-file FILE
error-key_file_needed = The node is locked with a key file, not with a passphrase
    .hint = --key-file FILE, or SHOUWANG_KEY_FILE in the environment
error-passphrase_memory = There is not enough free memory to try the passphrase
    .hint = Close other programs and try again
error-key_file_not_found = There is no key file { $path }
    .hint = Bring in the medium that it is on. A forgotten passphrase or a lost key file cannot be recovered by anybody. Enrol this device anew from a new directory (shouwang --home NEW request, then grant and join): everything that was synced comes back from peers
error-not_a_key_file = { $path } is no key file: a key file has 64 hexadecimal digits
error-key_file_in_home = The key file { $path } would lie in the home that it opens
    .hint = Keep it elsewhere, on another medium if possible: --key-file FILE
error-store_key_missing = store.key is missing, and without it nobody can read the node's data
    .hint =
        From a backup: shouwang --home NEW restore FILE
        Without one, enrol anew: shouwang --home NEW request, then grant and join; what was synced comes back from peers
error-store_key_damaged = store.key is damaged, and without it nobody can read the node's data
    .hint =
        From a backup: shouwang --home NEW restore FILE
        Without one, enrol anew: shouwang --home NEW request, then grant and join; what was synced comes back from peers
error-store_key_foreign = store.key belongs to another store, or the beginning of the store is damaged
    .hint =
        Put back the two files that belong together, or restore a backup: shouwang --home NEW restore FILE
        Without one, enrol anew: shouwang --home NEW request, then grant and join; what was synced comes back from peers
error-store_not_encrypted = The store is not encrypted: an older version of this program has written it
    .hint = Enrol anew from a new directory: shouwang --home NEW request; what was synced comes back from peers. Then destroy the old file
error-backup_running = A backup is being written
    .hint = Try again when it is done
error-home_not_empty = { $path } is not empty
    .hint = Restore into a new directory: shouwang --home NEW restore FILE
error-not_a_backup = { $path } is no backup, or its beginning is damaged
error-backup_damaged = The backup is damaged
    .hint = Use another backup; without one, enrol anew: shouwang --home NEW request, then grant and join
error-file_failed = { $path } cannot be read or written: { $detail }

# What a device may do.
error-no_right = This device may not write { $part } in { $scope }
    .hint = shouwang status
error-no_right_for_field = This device may not write { $field }
    .hint = The office that may: township for ability and risk levels, county for certified values
error-outside_area = { $scope } is not in this device's area
    .hint = shouwang area list
error-written_once = { $field } is written once; a correction is certified by the county
    .hint = At the county: shouwang elder set ELDER FIELD=VALUE --certified
error-grant_invalid = The grant would not hold: { $detail }
    .hint = The area must lie inside this device's, and the role must not have rights that it lacks
error-bad_request_token = The request cannot be read: { $detail }
    .hint = Copy it again from the new device: shouwang request
error-root_inside_home = { $path } is inside this node's directory: the root key would be lost, or found, together with it
    .hint = Write it to a stick or elsewhere, and lock that away
error-needs_yes = This asks before it goes on, and nobody can be asked here
    .hint = Look with --dry-run first, then add --yes
error-not_confirmed = Nothing was done
error-revoke_unknown = That device's grant is not known here
    .hint = shouwang device list --all
error-revoke_right = This device may not revoke that one: it may not delegate in the whole of its area
    .hint = The office above may: shouwang device revoke DEVICE --reason lost
error-revoke_depth = This device may not revoke that one: its own grant is not nearer to the root
    .hint = The office above may, or the root: shouwang device revoke DEVICE --reason lost --root-key FILE
error-revoke_again = That grant is revoked already
    .hint = shouwang device list --all
error-revoke_blind = This node does not hold the whole area of that device: what it wrote and granted elsewhere would stop counting
    .hint = Revoke at a node that holds the whole area and has met the others
error-revoke_self = A device does not revoke itself
    .hint = shouwang device retire
error-other_root = This is the root key of another mesh
error-bad_root_key = The root key cannot be read: { $detail }
    .hint = The file holds one line that begins with swroot1
error-device_revoked = This device's grant is revoked: nothing that it writes would count
    .hint = shouwang device list --all
error-device_granted = The device has a grant already
    .hint = To put another in its place: shouwang grant REQUEST --area CODE --name NAME --replace
error-device_unknown = No device begins with { $device }
    .hint = shouwang device list --all --verbose
error-device_ambiguous = Several devices begin with { $device }
    .hint = Give more characters, as in: shouwang device list --all --verbose
error-quarantine_which = Which entries?
    .hint = shouwang quarantine adopt ENTRY, or --device DEVICE
error-quarantine_unknown = Nothing in quarantine begins with { $entry }
    .hint = shouwang quarantine list
error-quarantine_ambiguous = Several entries in quarantine begin with { $entry }
    .hint = Give more characters, as in: shouwang quarantine list --verbose
error-quarantine_no_change = { $entry } is no change of a file: what was granted or revoked is granted or revoked anew
    .hint = shouwang grant, or shouwang device revoke
error-quarantine_empty = Nothing in quarantine is meant by this
    .hint = shouwang quarantine list
error-bad_name = The device's name is empty or too long
error-own_entries_refused = The node refused its own entries ({ $reason }): the disk or this program is at fault
    .hint = shouwang verify

# Records.
error-elder_unknown = No file begins with { $elder }
    .hint = shouwang elder find NAME
error-elder_ambiguous = Several files begin with { $elder }
    .hint = Give more characters, as in: shouwang elder list --verbose
error-name_needed = A file needs a name
    .hint = shouwang elder add --village CODE name=…
error-village_needed = Say which village the elder lives in
    .hint = shouwang elder add --village CODE name=…
error-value_unfit = { $field } cannot be written like this
    .hint = See how the values that stand there are written: shouwang conflicts list
error-edit = The edit cannot be written
error-too_long = The edit has { $bytes } bytes, more than fits in one entry
    .hint = Write it in several steps
error-would_not_count = The edit would not count: { $reason }
error-place_name = The name of { $code } is too long
error-too_many_rows = More than { $limit } rows in one request

# Samples and the demonstration.
error-sample_township = { $code } is no township of the sample county; it has { $known }
    .hint = shouwang sample --out FILE.xlsx --township 990121101000
error-sample_without_village = The sample county needs at least one village
    .hint = shouwang sample --out FILE.xlsx --villages 3
error-sample_too_large = A sample ledger has at most { $limit } elders
error-node_not_ready = The node in { $home } did not start
    .hint = Its log is { $log }
error-node_not_stopped = { $node } did not stop when asked to
error-demo_places = { $node } did not receive the names of its places in time
    .hint = shouwang demo --keep DIR, then look at the logs in DIR
error-demo_not_converged = The nodes do not agree on: { $scopes }
    .hint = shouwang demo --keep DIR, then look at the logs in DIR
