# 县里定的规则。

help-ruleset = 县里为全县各地定的规则
    .example =
        shouwang ruleset show
        shouwang ruleset set key_visits_per_month 3
help-ruleset-show = 显示在本地生效的规则
    .example =
        shouwang ruleset show
help-ruleset-set = 在县级设备上修改一条规则；下面各节点同步后照此执行
    .key = 规则的名称，见 `ruleset show`；节日、极端天气或封控时段写 `occasion.` 加自定的名称
    .value = 新的值；写 "" 恢复默认，或者取消一个时段
    .example =
        shouwang ruleset set key_visits_per_month 3
        shouwang ruleset set acknowledge_hours.Wandering 12
        shouwang ruleset set occasion.春节2027 "节日 2027-01-30 2027-02-12"
        shouwang ruleset set occasion.寒潮 "极端天气 2027-01-10 2027-01-16 990121101000 x2"
        shouwang ruleset set key_visits_per_month ""

setting =
    .eligibility_rule = 留守老年人的认定办法
    .months_away = 赡养人外出须满月数
    .home_trip_days = 返乡不超过此天数不中断外出
    .key_visits_per_month = 重点人员每月探访次数
    .other_visits_per_month = 其他人员每月探访次数
    .visit_rate_target_percent = 月探访率目标（%）
    .agreement_rate_target_percent = 委托照顾协议签订率目标（%）
    .review_months = 每隔几个月更新一次档案
    .monthly_report_day = 每月报送截止日
    .progress_report_days = 工作进展报送日
    .sync_interval_days = 多少天没有新数据算过期
setting-acknowledge-hours = 接报时限（小时）：{ $kind }

ruleset-changed = { $key } 现为 { $value }；下面各地同步后照此执行
ruleset-unchanged = { $key } 原来就是这样
ruleset-occasion-removed = { $key } 已取消；下面各地同步后照此执行
ruleset-may-set = 修改：shouwang ruleset set 名称 值
ruleset-set-by = 这些规则由 { $scope } 制定
ruleset-conflict = { $key }：同时写入、未生效的值：{ $others }。确定取哪个：shouwang ruleset set { $key } 值
ruleset-unfit = { $key }：“{ $value }”不合要求，按默认值执行。请在县级设备上：shouwang ruleset set { $key } 值
ruleset-unknown = { $key }：“{ $value }”是更新版本的规则，在这里不起作用。请更新本程序

error-ruleset_right = 规则由 { $scope } 制定，而本设备不是那里有授权权限的设备
    .hint = 在 { $scope } 的设备上：shouwang ruleset set 名称 值
error-setting_unknown = 没有“{ $key }”这条规则
    .hint = shouwang ruleset show
error-setting_number = { $key } 须是 { $least } 到 { $most } 的整数
    .hint = shouwang ruleset set { $key } { $least }
error-setting_word = { $key } 须是下列之一：{ $words }
    .hint = shouwang ruleset show
error-setting_month_days = { $key } 是若干个月日
    .hint = shouwang ruleset set { $key } 06-10,11-10
error-occasion_name = “{ $key }”：`occasion.` 之后写 1 到 20 个字的名称，不含空格
    .hint = shouwang ruleset set occasion.春节2027 "节日 2027-01-30 2027-02-12"
error-occasion_value = { $key } 依次写：节日、极端天气或封控，起止日期；需要时再写地方代码，以及表示两次的 x2（最多 x14）
    .hint = shouwang ruleset set { $key } "节日 2027-01-30 2027-02-12"
error-too_many_occasions = 已有 100 个时段
    .hint = 取消已经过去的：shouwang ruleset set occasion.名称 ""
error-setting_place = “{ $key }”：`sync_interval_days.` 之后写十二位地方代码
    .hint = shouwang area list
error-too_many_setting_places = 已有 2000 个地方单独规定了间隔
    .hint = 取消一个：shouwang ruleset set sync_interval_days.代码 ""
