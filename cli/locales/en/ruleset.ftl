# The rules of a county.

help-ruleset = The rules that a county sets for all its places
    .example =
        shouwang ruleset show
        shouwang ruleset set key_visits_per_month 3
help-ruleset-show = Show the rules that hold here
    .example =
        shouwang ruleset show
help-ruleset-set = Set a rule, at the county; every node below hears of it
    .key = The rule's name as `ruleset show` has it, or `occasion.` and a name of your own for a festival, extreme weather or a sealed-off time
    .value = The new value; "" puts back the default, or takes an occasion out
    .example =
        shouwang ruleset set key_visits_per_month 3
        shouwang ruleset set acknowledge_hours.Wandering 12
        shouwang ruleset set occasion.spring2027 "Festival 2027-01-30 2027-02-12"
        shouwang ruleset set occasion.cold "ExtremeWeather 2027-01-10 2027-01-16 990121101000 x2"
        shouwang ruleset set key_visits_per_month ""

setting =
    .eligibility_rule = who is left behind
    .months_away = months a supporter must be away
    .home_trip_days = days of a trip home that do not break it
    .key_visits_per_month = visits a month, key group
    .other_visits_per_month = visits a month, everyone else
    .visit_rate_target_percent = target of the visit rate, %
    .agreement_rate_target_percent = target of the agreement rate, %
    .review_months = a review every so many months
    .monthly_report_day = monthly report, day of the month
    .progress_report_days = progress reports, days of the year
    .sync_interval_days = days without new data until a place is silent
setting-acknowledge-hours = hours to acknowledge: { $kind }

ruleset-changed = { $key } is now { $value }; the places below hear of it when they sync
ruleset-unchanged = { $key } stood like this already
ruleset-occasion-removed = { $key } is taken out; the places below hear of it when they sync
ruleset-may-set = To change one: shouwang ruleset set KEY VALUE
ruleset-set-by = { $scope } sets these rules
ruleset-conflict = { $key }: written at the same time, and without effect: { $others }. To settle it: shouwang ruleset set { $key } VALUE
ruleset-unfit = { $key }: “{ $value }” does not fit; the default holds. At the county: shouwang ruleset set { $key } VALUE
ruleset-unknown = { $key }: “{ $value }” is a rule of a later version, without effect here. Update this program

error-ruleset_right = Rules are set by { $scope }, and this device is not one of its devices that may let others in
    .hint = At a device of { $scope }: shouwang ruleset set KEY VALUE
error-setting_unknown = There is no rule “{ $key }”
    .hint = shouwang ruleset show
error-setting_number = { $key } is a whole number from { $least } to { $most }
    .hint = shouwang ruleset set { $key } { $least }
error-setting_word = { $key } is one of { $words }
    .hint = shouwang ruleset show
error-setting_month_days = { $key } is a list of days of the year, month and day
    .hint = shouwang ruleset set { $key } 06-10,11-10
error-occasion_name = “{ $key }”: after `occasion.` comes a name of 1 to 20 characters without spaces
    .hint = shouwang ruleset set occasion.spring2027 "Festival 2027-01-30 2027-02-12"
error-occasion_value = { $key } is Festival, ExtremeWeather or SealedOff, its first and last day, then, if need be, the code of a place and x2 for two visits (up to x14)
    .hint = shouwang ruleset set { $key } "Festival 2027-01-30 2027-02-12"
error-too_many_occasions = There are 100 occasions already
    .hint = Take one that is over out: shouwang ruleset set occasion.NAME ""
error-setting_place = “{ $key }”: after `sync_interval_days.` come the twelve digits of a place's code
    .hint = shouwang area list
error-too_many_setting_places = 2,000 places have an interval of their own already
    .hint = Take one out: shouwang ruleset set sync_interval_days.CODE ""
