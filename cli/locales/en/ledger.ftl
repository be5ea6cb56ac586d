# Ledgers in and out, and the card.

help-import-visits = Import visits, one a row; elders are found by ID number, by name and village, or by file id
    .files = Lists of visits
    .dry-run = Say what would happen, and do nothing
    .diff = Visits are only ever added: nothing is written here
    .yes = Do not ask
    .rejected = Write the rejected rows to this new file, to be corrected and imported again
    .example =
        shouwang import visits september.xlsx --dry-run
        shouwang import visits september.csv --rejected rejected.csv
help-import-certificates = Import what departments certify into the Registry; elders are found by ID number alone
    .files = Lists of departments
    .dry-run = Say what would happen, and do nothing
    .diff = Write every change, field by field, to this CSV file
    .yes = Change files that were there without asking; needed where nobody can be asked
    .rejected = Write the rejected rows to this new file, to be corrected and imported again
    .example =
        shouwang import certificates federation.xlsx --dry-run --diff changes.csv
        shouwang import certificates federation.xlsx --yes

help-export = Export
    .example =
        shouwang export ledger -o ledger.xlsx
        shouwang export automerge 3fa9 -o documents
help-export-ledger = Export the ledger; imported again it changes nothing
    .output = The new file: .xlsx or .csv
    .scope = Only elders of this place and what lies inside it: a code or a name
    .with-id = Write ID numbers whole, not only their last four
    .force = Write over a file that is there
    .example =
        shouwang export ledger -o ledger.xlsx
        shouwang export ledger --scope 990121101203 --with-id -o shanghe.csv
help-export-platform = Export for the provincial platform by a mapping of fields
    .mapping = The mapping: a CSV file that may be edited
    .output = The new CSV file
    .write-mapping = Write the default mapping, to be edited
    .scope = Only elders of this place and what lies inside it: a code or a name
    .with-id = Write ID numbers whole, not only their last four
    .force = Write over a file that is there
    .example =
        shouwang export platform --write-mapping mapping.csv
        shouwang export platform --mapping mapping.csv --with-id -o platform.csv
help-export-automerge = Export an elder's documents as standard Automerge files
    .elder = The file's id; its first characters are enough
    .output = The directory
    .force = Write over files that are there
    .example =
        shouwang export automerge 3fa9 -o documents
help-card = Write the card for print: name, village, care group, helper, contacts, doctor, and no ID number
    .elder = The file's id; its first characters are enough
    .all = All elders, a page each
    .scope = Only elders of this place and what lies inside it: a code or a name
    .output = The new HTML file, to be opened and printed in a browser
    .force = Write over a file that is there
    .example =
        shouwang card 3fa9 -o card.html
        shouwang card --all --scope 990121101203 -o cards.html

error-export_extension = A ledger is exported to .xlsx or .csv
    .hint = Name the file, for example -o ledger.xlsx
error-mapping_missing = A mapping and a file to write are needed
    .hint = shouwang export platform --write-mapping mapping.csv
error-mapping_faults = The mapping { $path } has faults: { $lines }
    .hint = Correct them and export again; the default: shouwang export platform --write-mapping mapping.csv
error-card_without_elder = There is no elder's file in that place
    .hint = shouwang elder list

import-question = Change { $count } files that are there?
differences-written = { $count } changes written to { $path }
more-differences = { $count } more changes: --verbose or --diff shows all
mapping-written = The default mapping is written to { $path }: check the platform's field names against its import template
export-progress = Gathering
export-written = { $count } elders written to { $path }
export-whole-ids = The file holds whole ID numbers: keep it safe
export-masked-ids = Of ID numbers only the last four are written; --with-id writes them whole
export-unmapped = { $field }: no word for { $value } ({ $count } elders), written as it is
documents-written = { $count } documents written to { $path }
documents-hold-ids = The documents hold whole ID numbers and all history: keep them safe
cards-written = { $count } cards written to { $path }

difference-column =
    .sheet = sheet
    .row = row
    .elder = file id
    .part = part
    .field = field
    .about = whose
    .old = before
    .new = after

mapping-fault =
    .source = no such field here
    .values = values are written as our-word=platform-code
    .name = no name of a platform field
    .twice = the platform field is named twice
    .csv = no CSV file
    .encoding = neither UTF-8 nor GB18030
    .empty = no field at all
mapping-fault-line = line { $line }: { $fault } ({ $text })

card-language = en
card-title = Care card
card-date = Printed on { $date }
card-row =
    .name = Name
    .village = Village
    .care_group = Care group
    .helper = Paired helper
    .contacts = Contacts
    .doctor = Family doctor
    .guardian = Guardian
    .emergency = Emergency contact
