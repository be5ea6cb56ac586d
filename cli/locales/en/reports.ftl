# Lists of what is due, reports, and what goes to the prefecture.

help-due = List what is to be done: overdue and due visits, missing agreements, reviews and facts
    .overdue = Only overdue visits
    .occasions = Only visits for festivals and special times
    .alerts = Only alerts: alone and impaired, ill and helpless, incidents nobody has acknowledged
    .agreements = Only those without an agreement in force
    .refresh = Only those not reviewed in this quarter
    .gaps = Only those with missing facts
    .checks = Only those of 65 and more without this year's health check
    .all = All lists
    .scope = Only this place and what lies inside it: code or name
    .out = Write a file: .xlsx, .csv or .json; never over one that is there
    .force = Write over a file that is there
    .example =
        shouwang due
        shouwang due --overdue --scope 松雾镇
        shouwang due --agreements --as-of 2026-09-25 --format csv
        shouwang due --all -o due.xlsx
help-report = Reports: monthly, half-yearly, totals for the prefecture
    .example =
        shouwang report month 2026-09
        shouwang report prefecture 2026-09 -o totals.xlsx
help-report-month = Monthly report: visit rates by township or village and group, agreements, reviews, entries, exits, incidents
    .month = The month
    .scope = Only this place and what lies inside it: code or name
    .out = Write a file: .xlsx, .csv or .json; never over one that is there
    .force = Write over a file that is there
    .example =
        shouwang report month 2026-09
        shouwang report month 2026-09 -o month.xlsx
        shouwang report month 2026-09 --scope 松雾镇 --format json
help-report-half-year = Progress month by month and good cases, due by 10 June and 10 November
    .half-year = Year and which: 2026-1 is due by 10 June 2026, 2026-2 by 10 November
    .scope = Only this place and what lies inside it: code or name
    .out = Write a file: .xlsx, .csv or .json; never over one that is there
    .force = Write over a file that is there
    .example =
        shouwang report half-year 2026-2
        shouwang report half-year 2026-2 -o half-year.xlsx
help-report-prefecture = Totals for the prefecture: counts alone, none of fewer than 5 people, none that gives one away
    .month = The month
    .scope = Only this place and what lies inside it: code or name
    .out = Write a file: .xlsx, .csv or .json; never over one that is there
    .force = Write over a file that is there
    .example =
        shouwang report prefecture 2026-09
        shouwang report prefecture 2026-09 -o totals.xlsx

filing-unit = Unit:{" "}
filing-by = Reported by:{" "}
filing-date = Date:{" "}
rate-of-nobody = n/a
report-progress = Counting
report-written = Written to { $path }
report-visit-rate = Monthly visit rate { $rate } ({ $visited } of { $roster })
report-month-title = { $area }: care for rural left-behind elders, monthly report { $year }-{ $month }
report-month-note = The roster includes people of whom nobody has decided yet; who declines care counts, and is shown beside; rates count people and are rounded down, 100 % is all of them.
report-half-year-title = { $area }: care for rural left-behind elders, progress { $half }
report-due-by = Due by { $day }
report-prefecture-title = { $area }: rural left-behind elders, totals { $year }-{ $month }
report-withheld-note = * is withheld (fewer than 5 people, or a number that would give one away); — cannot be.
report-counted-to = Counted up to { $day }
coverage-line = { $with } of { $villages } villages, oldest data { $days } days
coverage-line-without-age = { $with } of { $villages } villages
coverage-missing-all = Villages without data: { $names }
coverage-title = { $area }: what data is here
coverage-expected = Data of a village should be no older than { $days } days
due-title = { $area }: to do ({ $lists }), { $day }
due-roster = Care is owed to { $count } people
due-incident = Incident not acknowledged in time: { $kind }

error-month = { $value } is no month
    .hint = Write it as 2026-09
error-month_to_come = { $month } has not begun on { $as_of }
    .hint = Name a month that has begun, or another day with --as-of
error-half_year = { $value } is no half-year report
    .hint = Write 2026-1 (due by 10 June) or 2026-2 (due by 10 November)
error-no_such_half_year = The county's calendar has no report { $half_year }
    .hint = With two reports a year they are 1 and 2; see shouwang ruleset show
error-too_many_months = At most { $limit } months are counted at once
error-report_extension = { $path } has an extension that cannot be written
    .hint = Use .xlsx, .csv or .json

report-heading =
    .place = Place
    .village = Village
    .code = Code
    .name = Name
    .elder = File
    .files = Files
    .roster-moves = Roster
    .roster-before = Month before
    .entries = In
    .exits = Out
    .roster = On roster
    .visited = Visited
    .visit-rate = Visit rate
    .visits = Monthly visits
    .all = All
    .total = Total
    .subtotal = Subtotal
    .declined = Decline care
    .persons = People
    .of-these-visited = Visited
    .agreements = Entrusted care
    .in-force = In force
    .rate = Rate
    .refresh = Refresh
    .reviewed = Reviewed
    .incidents = Incidents
    .raised = Raised
    .acknowledged = Acknowledged
    .closed = Closed
    .open = Open
    .overdue = Overdue
    .lone-living = Impaired and alone
    .care-group = Care group
    .age = Age
    .way = In or out
    .reason = Reason
    .no-reason = Not noted
    .kind = Kind
    .no-kind = Not noted
    .state = State
    .data-of = Data of
    .age-days = Age (days)
    .last-exchange = Last exchange
    .month = Month
    .number = No.
    .case = Good case
    .mark = Of
    .value = Value
    .ability = Ability
    .category = Category
    .list = List
    .by = By
    .days-late = Days late
    .visits-owed = Visits
    .why = Why
    .last-visit = Last visit
    .helper = Helper
    .sheet-places = By place
    .sheet-groups = By group
    .sheet-moves = In and out
    .sheet-incidents = Incidents
    .sheet-coverage = Coverage
    .sheet-months = By month
    .sheet-cases = Good cases
    .sheet-ages = Ages
    .sheet-rates = Rates
    .sheet-marks = Characteristics
    .sheet-due = List
    .sheet-counts = People on lists

age-band =
    .bunder60 = under 60
    .b6069 = 60–69
    .b7079 = 70–79
    .b8089 = 80–89
    .b90 = 90 and more
    .bunknown = unknown

village-state =
    .current = current
    .stale = stale
    .from_above = from offices above only
    .missing = no data

due-list =
    .overdue = overdue visit
    .due = visit due
    .occasions = special occasion
    .alerts = alert
    .agreements = agreement missing
    .refresh = refresh missing
    .gaps = data gap
    .checks = no check at 65+

due-gap =
    .CareGroup = care group
    .BirthDate = birth date
    .ResidentId = resident ID
    .Hukou = registration
    .Residence = residence
    .LivingArrangement = living arrangement
    .CareConsent = consent
    .Supporters = supporters
    .Relation = supporter's relation
    .AbsenceDay = supporter away since
    .Destination = supporter's destination
    .AbsenceReason = supporter's reason
    .Capacity = supporter's capacity
    .Contact = contact

due-alert =
    .LoneLiving = impaired and alone
    .AskChildToStay = ill and helpless: ask one child to stay

agreement-standing =
    .InForce = in force
    .NotFiled = signed, not filed
    .ConsentUnknown = elder's consent not noted
    .NoConsent = elder did not consent
    .Ended = ended
    .Refused = refused
    .NoCaretaker = no caretaker
    .NothingNoted = nothing noted
