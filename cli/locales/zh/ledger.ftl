# 台账的导入与导出，一卡。

help-import-visits = 导入探访记录：每行一次探访，按身份证号码、姓名和村、或档案编号找到老人
    .files = 探访记录文件
    .dry-run = 只说明会怎样，不写入
    .diff = 探访只会新增，此项不写任何内容
    .yes = 不询问
    .rejected = 把退回的行写入这个新文件，改好后可再导入
    .example =
        shouwang import visits 九月探访.xlsx --dry-run
        shouwang import visits 九月探访.csv --rejected 退回.csv
help-import-certificates = 导入部门核定的数据，写入信息库；只按身份证号码找到老人
    .files = 部门名单文件
    .dry-run = 只说明会怎样，不写入
    .diff = 把更改逐项写入这个 CSV 文件
    .yes = 更改已有档案时不再询问；没有终端可询问时必须写明
    .rejected = 把退回的行写入这个新文件，改好后可再导入
    .example =
        shouwang import certificates 残联名单.xlsx --dry-run --diff 对比.csv
        shouwang import certificates 残联名单.xlsx --yes

help-export = 导出
    .example =
        shouwang export ledger -o 台账.xlsx
        shouwang export automerge 3fa9 -o 档案
help-export-ledger = 导出管理台账：再导入时没有变化
    .output = 新文件：.xlsx 或 .csv
    .scope = 只导出该地及其下辖的老人：代码或地名
    .with-id = 写出完整的身份证号码，默认只写末四位
    .force = 覆盖已有的文件
    .example =
        shouwang export ledger -o 台账.xlsx
        shouwang export ledger --scope 上禾村 --with-id -o 上禾村.csv
help-export-platform = 按对照表导出，供省养老服务管理平台使用
    .mapping = 对照表：CSV 文件，可以修改
    .output = 新的 CSV 文件
    .write-mapping = 写出默认的对照表，供修改
    .scope = 只导出该地及其下辖的老人：代码或地名
    .with-id = 写出完整的身份证号码，默认只写末四位
    .force = 覆盖已有的文件
    .example =
        shouwang export platform --write-mapping 对照表.csv
        shouwang export platform --mapping 对照表.csv --with-id -o 平台.csv
help-export-automerge = 把一位老人的各份文档导出为标准的 Automerge 文件
    .elder = 档案编号，写出足以区分的前几位即可
    .output = 目录
    .force = 覆盖已有的文件
    .example =
        shouwang export automerge 3fa9 -o 档案
help-card = 写出可打印的一卡：姓名、村、人群分类、帮扶人、联系人、医生，不含身份证号码
    .elder = 档案编号，写出足以区分的前几位即可
    .all = 所有老人，每人一页
    .scope = 只写该地及其下辖的老人：代码或地名
    .output = 新的 HTML 文件，用浏览器打开打印
    .force = 覆盖已有的文件
    .example =
        shouwang card 3fa9 -o 一卡.html
        shouwang card --all --scope 上禾村 -o 上禾村一卡.html

error-export_extension = 台账只能导出为 .xlsx 或 .csv
    .hint = 请写明文件名，例如 -o 台账.xlsx
error-mapping_missing = 需要对照表和导出的文件名
    .hint = shouwang export platform --write-mapping 对照表.csv
error-mapping_faults = 对照表 { $path } 有以下问题：{ $lines }
    .hint = 改正后再导出；默认的对照表：shouwang export platform --write-mapping 对照表.csv
error-card_without_elder = 该地没有老人的档案
    .hint = shouwang elder list

import-question = 要更改 { $count } 份已有的档案吗？
differences-written = { $count } 项更改已写入 { $path }
more-differences = 另有 { $count } 项更改未显示：--verbose 或 --diff 显示全部
mapping-written = 默认的对照表已写入 { $path }：平台的字段名须按平台的导入模板核对
export-progress = 正在汇总
export-written = { $count } 位老人已写入 { $path }
export-whole-ids = 文件含完整的身份证号码，请妥善保管
export-masked-ids = 身份证号码只写了末四位；--with-id 写出完整号码
export-unmapped = “{ $field }”没有“{ $value }”的对照（{ $count } 人），照原文写出
documents-written = { $count } 份文档已写入 { $path }
documents-hold-ids = 文档含完整的身份证号码和全部历史，请妥善保管
cards-written = { $count } 张卡已写入 { $path }

difference-column =
    .sheet = 工作表
    .row = 行
    .elder = 档案编号
    .part = 出处
    .field = 项目
    .about = 谁
    .old = 改前
    .new = 改后

mapping-fault =
    .source = 本系统没有这一字段
    .values = 取值对照应写作“本系统的词=平台的代码”
    .name = 没有平台字段名
    .twice = 平台字段名重复
    .csv = 不是 CSV 文件
    .encoding = 不是 UTF-8 或 GB18030 编码
    .empty = 没有任何字段
mapping-fault-line = 第 { $line } 行：{ $fault }（{ $text }）

card-language = zh-CN
card-title = 留守老年人关爱服务卡
card-date = 打印日期：{ $date }
card-row =
    .name = 姓名
    .village = 所在村
    .care_group = 人群分类
    .helper = 结对帮扶人
    .contacts = 联系人
    .doctor = 家庭医生
    .guardian = 监护人
    .emergency = 紧急联系人
