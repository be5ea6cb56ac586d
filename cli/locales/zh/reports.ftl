# 待办名单、报表、上报汇总。

help-due = 列出待办：逾期、待访，以及缺协议、缺更新、缺资料的老人
    .overdue = 只列逾期未访
    .occasions = 只列节日及特殊时段的待访
    .alerts = 只列预警：独居失能、病重失能、超时未接报的特殊情况
    .agreements = 只列没有有效委托照顾协议的
    .refresh = 只列本季度未更新的
    .gaps = 只列资料缺项
    .checks = 只列65岁以上本年度未体检的
    .all = 列出全部名单
    .scope = 只列该地及其下辖的地方：代码或地名
    .out = 写入文件：.xlsx、.csv 或 .json，不覆盖已有文件
    .force = 覆盖已有文件
    .example =
        shouwang due
        shouwang due --overdue --scope 松雾镇
        shouwang due --agreements --as-of 2026-09-25 --format csv
        shouwang due --all -o 待办.xlsx
help-report = 报表：月报、半年报、上报市级的汇总
    .example =
        shouwang report month 2026-09
        shouwang report prefecture 2026-09 -o 汇总.xlsx
help-report-month = 月报表：按乡镇（村）和三类人群的探访率、协议、更新、进出和特殊情况
    .month = 月份
    .scope = 只报该地及其下辖的地方：代码或地名
    .out = 写入文件：.xlsx、.csv 或 .json，不覆盖已有文件
    .force = 覆盖已有文件
    .example =
        shouwang report month 2026-09
        shouwang report month 2026-09 -o 月报.xlsx
        shouwang report month 2026-09 --scope 松雾镇 --format json
help-report-half-year = 半年工作进展：逐月情况和典型案例（6月10日、11月10日前报送）
    .half-year = 年份和第几次：2026-1 于2026年6月10日前报送，2026-2 于11月10日前报送
    .scope = 只报该地及其下辖的地方：代码或地名
    .out = 写入文件：.xlsx、.csv 或 .json，不覆盖已有文件
    .force = 覆盖已有文件
    .example =
        shouwang report half-year 2026-2
        shouwang report half-year 2026-2 -o 半年报.xlsx
help-report-prefecture = 上报市级的汇总：只有人数，少于5人的不列出，也不能由其他数字推算
    .month = 月份
    .scope = 只报该地及其下辖的地方：代码或地名
    .out = 写入文件：.xlsx、.csv 或 .json，不覆盖已有文件
    .force = 覆盖已有文件
    .example =
        shouwang report prefecture 2026-09
        shouwang report prefecture 2026-09 -o 汇总.xlsx

filing-unit = 填报单位：
filing-by = 填报人：
filing-date = 填报日期：
rate-of-nobody = 无
report-progress = 统计
report-written = 已写入 { $path }
report-visit-rate = 月探访率 { $rate }（{ $roster } 人中已访 { $visited } 人）
report-month-title = { $area }农村留守老年人关爱服务工作月报表（{ $year }年{ $month }月）
report-month-note = 注：名册人数含尚未确认进出的人员；不愿意接受关爱的人员计入探访率，另列；探访率按人数计，向下取一位小数，全部已访才是100%。
report-half-year-title = { $area }农村留守老年人关爱服务工作进展情况（{ $half }）
report-due-by = 报送期限：{ $day }
report-prefecture-title = { $area }农村留守老年人情况汇总表（{ $year }年{ $month }月）
report-withheld-note = 注：* 表示不列出（少于5人，或可由其推算少于5人的数字）；— 表示不可能有。
report-counted-to = 统计截至 { $day }
coverage-line = 数据覆盖：{ $villages } 个村中 { $with } 个有数据，最旧的数据为 { $days } 天前
coverage-line-without-age = 数据覆盖：{ $villages } 个村中 { $with } 个有数据
coverage-missing-all = 没有数据的村：{ $names }
coverage-title = { $area }数据覆盖情况
coverage-expected = 各村数据应不超过 { $days } 天
due-title = { $area }待办名单（{ $lists }，{ $day }）
due-roster = 应关爱 { $count } 人
due-incident = 特殊情况超时未接报：{ $kind }

error-month = { $value } 不是月份
    .hint = 请写成 2026-09
error-month_to_come = { $as_of } 时 { $month } 还没有开始
    .hint = 请写已经开始的月份，或用 --as-of 指定日期
error-half_year = { $value } 不是半年报
    .hint = 请写成 2026-1（6月10日前报送）或 2026-2（11月10日前报送）
error-no_such_half_year = 本县的报送日历里没有 { $half_year }
    .hint = 一年报送两次时是 1 和 2；见 shouwang ruleset show
error-too_many_months = 一次最多统计 { $limit } 个月
error-report_extension = { $path } 的扩展名不能用
    .hint = 请用 .xlsx、.csv 或 .json

report-heading =
    .place = 地区
    .village = 村
    .code = 区划代码
    .name = 姓名
    .elder = 档案编号
    .files = 建档人数
    .roster-moves = 名册变动
    .roster-before = 上月末
    .entries = 进
    .exits = 出
    .roster = 名册人数
    .visited = 已探访人数
    .visit-rate = 月探访率
    .visits = 月探访
    .all = 合计
    .total = 合计
    .subtotal = 小计
    .declined = 不愿意接受关爱
    .persons = 人数
    .of-these-visited = 其中已访
    .agreements = 委托照顾协议
    .in-force = 有效
    .rate = 比例
    .refresh = 季度更新
    .reviewed = 已更新
    .incidents = 特殊情况
    .raised = 上报
    .acknowledged = 接报
    .closed = 办结
    .open = 未办结
    .overdue = 超时未接报
    .lone-living = 独居预警
    .care-group = 三类人群
    .age = 年龄（周岁）
    .way = 进出
    .reason = 原因
    .no-reason = 未注明
    .kind = 情况类别
    .no-kind = 未注明
    .state = 状况
    .data-of = 数据日期
    .age-days = 距今（天）
    .last-exchange = 最近交换
    .month = 月份
    .number = 序号
    .case = 典型案例
    .mark = 项目
    .value = 类别
    .ability = 能力等级
    .category = 特殊困难
    .list = 名单
    .by = 期限
    .days-late = 逾期（天）
    .visits-owed = 次数
    .why = 事由
    .last-visit = 最近探访
    .helper = 结对帮扶人
    .sheet-places = 分地区
    .sheet-groups = 三类人群
    .sheet-moves = 进出
    .sheet-incidents = 特殊情况
    .sheet-coverage = 数据覆盖
    .sheet-months = 逐月情况
    .sheet-cases = 典型案例
    .sheet-ages = 年龄结构
    .sheet-rates = 工作指标
    .sheet-marks = 人员特征
    .sheet-due = 名单
    .sheet-counts = 各名单人数

age-band =
    .bunder60 = 60岁以下
    .b6069 = 60—69岁
    .b7079 = 70—79岁
    .b8089 = 80—89岁
    .b90 = 90岁及以上
    .bunknown = 不详

village-state =
    .current = 正常
    .stale = 过期
    .from_above = 仅有上级录入
    .missing = 没有数据

due-list =
    .overdue = 逾期未访
    .due = 本月待访
    .occasions = 节日及特殊时段
    .alerts = 预警
    .agreements = 协议缺失
    .refresh = 季度更新缺失
    .gaps = 资料缺项
    .checks = 65岁以上未体检

due-gap =
    .CareGroup = 未分类
    .BirthDate = 出生日期
    .ResidentId = 公民身份号码
    .Hukou = 户籍地
    .Residence = 居住地
    .LivingArrangement = 居住状况
    .CareConsent = 意愿
    .Supporters = 赡养人
    .Relation = 赡养人与老人关系
    .AbsenceDay = 赡养人外出日期
    .Destination = 赡养人外出去向
    .AbsenceReason = 赡养人外出原因
    .Capacity = 赡养人照护能力
    .Contact = 联系人

due-alert =
    .LoneLiving = 失能独居
    .AskChildToStay = 病重失能，劝子女一人留守

agreement-standing =
    .InForce = 有效
    .NotFiled = 已签未报备
    .ConsentUnknown = 未注明老人是否同意
    .NoConsent = 老人不同意
    .Ended = 已终止
    .Refused = 拒绝签订
    .NoCaretaker = 无受托人
    .NothingNoted = 没有记录
