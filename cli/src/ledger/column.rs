//! The columns of a ledger, under all the headings that offices give them.

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_blank};

/// A column of some kind of table.
pub(crate) trait ColumnKey: Copy + Eq + 'static {
    /// The machine name. Where the column is a field of the record, the field's key.
    fn key(self) -> &'static str;

    /// The headings it may stand under, the usual one first.
    fn headings(self) -> &'static [&'static str];
}

macro_rules! columns {
    ($(#[$outer:meta])* $columns:ident
        $($(#[$doc:meta])* $name:ident $key:literal [$($heading:literal)+],)+
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $columns {
            $($(#[$doc])* $name,)+
        }

        impl $crate::ledger::column::ColumnKey for $columns {
            fn key(self) -> &'static str {
                match self { $(Self::$name => $key),+ }
            }

            fn headings(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($heading),+]),+ }
            }
        }

        impl $columns {
            /// Every column.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}
pub(super) use columns;

columns! {
    /// What a column of a ledger is about.
    Column
    /// 序号: a running number, which says nothing of the elder.
    Serial "serial" ["序号" "编号" "序列号" "序列" "no" "no."],
    /// 姓名
    Name "name" ["姓名" "老人姓名" "老年人姓名" "留守老人姓名" "留守老年人姓名" "本人姓名"
        "对象姓名" "服务对象" "服务对象姓名" "老人" "名字"],
    /// 性别
    Sex "sex" ["性别" "老人性别"],
    /// 身份证号码
    ResidentId "resident_id" ["身份证号码" "身份证号" "身份证" "公民身份号码" "公民身份证号码"
        "居民身份证号码" "居民身份证号" "证件号码" "证件号" "身份号码" "老人身份证号码"
        "老人身份证号"],
    /// 身份证号码原文: the number as written, where it is not valid and a valid one is known.
    ResidentIdAsWritten "resident_id_as_written" ["身份证号码原文"],
    /// 出生日期
    BirthDate "birth_date" ["出生日期" "出生年月" "出生年月日" "出生时间" "生日"],
    /// 所在乡镇: tells villages of one name apart.
    Township "township" ["乡镇" "所在乡镇" "所属乡镇" "乡镇名称" "镇" "街道" "乡镇街道" "乡镇/街道"
        "所在镇" "所属镇"],
    /// 所在村
    Village "residence_code" ["所在村" "村" "村名" "村名称" "行政村" "所属村" "所在行政村" "村社区"
        "村/社区" "村居" "村委会" "村居委会" "村民委员会" "所在村社区" "所属村社区" "所属行政村"
        "村庄" "社区" "居住地" "居住村" "常住地" "现居住地" "所在村委会" "村代码" "行政村代码"
        "区划代码" "行政区划代码" "village" "village_code"],
    /// 组别
    Hamlet "hamlet" ["组别" "村民小组" "小组" "组" "所在组" "社" "屋场" "自然村" "村组" "组名"
        "所在村民小组" "居民小组"],
    /// 家庭住址
    Address "address" ["家庭住址" "住址" "地址" "家庭地址" "详细地址" "详细住址" "居住地址" "现住址"
        "现居住地址" "常住地址" "通讯地址"],
    /// 实际居住地代码, where it is not the village of the file.
    ResidencePlace "residence_place" ["实际居住地代码"],
    /// 户籍地
    Hukou "hukou_code" ["户籍地" "户籍所在地" "户口所在地" "户籍" "户籍地址" "户籍地代码"],
    /// 联系电话
    Phone "phone" ["联系电话" "电话" "电话号码" "手机" "手机号" "手机号码" "联系方式" "老人电话"
        "老人联系电话" "本人电话" "本人联系电话" "老人联系方式"],
    /// 居住状况
    LivingArrangement "living_arrangement" ["居住状况" "居住情况" "居住方式" "居住类型" "居住形式"
        "生活居住情况" "同住情况"],
    /// 能力等级
    AbilityLevel "ability_level" ["能力等级" "能力评估等级" "老年人能力等级" "老人能力等级"
        "自理能力" "生活自理能力" "能力评估" "失能等级" "失能情况" "失能程度"],
    /// 能力评估日期
    AbilityAssessedOn "ability_assessed_on" ["能力评估日期" "能力评估时间" "评估日期" "评估时间"],
    /// 能力评估机构
    AbilityAssessor "ability_assessor" ["能力评估机构" "评估机构" "评估单位" "评估人" "能力评估人"],
    /// 能力评估得分
    AbilityScore "ability_score" ["能力评估得分" "评估得分" "评估分数" "能力评分" "能力评估分数"],
    /// 残疾等级
    DisabilityGrade "disability_grade" ["残疾等级" "残疾级别" "残疾情况" "残疾类别及等级"
        "残疾类型及等级" "残疾"],
    /// 身体状况
    ObservedFunction "observed_function" ["身体状况" "健康状况" "身体情况" "身体健康状况" "健康情况"],
    /// 失智
    Dementia "dementia" ["失智" "是否失智" "失智情况" "认知障碍" "是否认知障碍"],
    /// 精神状态
    MentalState "mental_state" ["精神状态" "精神状况" "心理状态" "心理状况"],
    /// 疾病
    Conditions "conditions" ["疾病" "患病情况" "慢性病" "慢性病情况" "疾病情况" "患病" "主要疾病"
        "所患疾病" "患病种类"],
    /// 家庭医生
    FamilyDoctor "family_doctor" ["家庭医生" "家庭医生姓名" "签约医生" "签约家庭医生" "签约医生姓名"],
    /// 家庭医生所在机构
    FamilyDoctorClinic "family_doctor_clinic" ["家庭医生所在机构" "签约机构" "签约医疗机构"
        "家庭医生机构" "家庭医生单位" "家庭医生所在单位"],
    /// 家庭医生签约日期
    FamilyDoctorFrom "family_doctor_from" ["家庭医生签约日期" "家庭医生签约时间" "签约日期" "签约时间"],
    /// 家庭医生签约到期
    FamilyDoctorUntil "family_doctor_until" ["家庭医生签约到期" "家庭医生签约到期日期" "签约到期"
        "签约到期日期" "签约到期时间"],
    /// 卫生状况
    Hygiene "hygiene" ["卫生状况" "卫生情况" "环境卫生" "家庭卫生" "居家卫生"],
    /// 居住环境
    Housing "housing" ["居住环境" "住房状况" "住房情况" "房屋状况" "房屋情况" "住房安全"],
    /// 安全隐患
    Hazards "hazards" ["安全隐患" "安全隐患情况" "居家安全隐患" "隐患" "隐患情况"],
    /// 智能设备
    Devices "devices" ["智能设备" "安装设备" "智能设备安装" "智能设备安装情况" "安装智能设备"],
    /// 设备编号
    DeviceSerial "device_serial" ["设备编号" "设备序列号" "智能设备编号"],
    /// 经济来源
    IncomeSources "income_sources" ["经济来源" "主要经济来源" "收入来源" "主要收入来源" "生活来源"
        "主要生活来源"],
    /// 经济困难
    Hardship "hardship" ["经济困难" "是否经济困难" "经济困难老人" "是否困难" "困难老人"],
    /// 风险等级
    RiskLevel "risk_level" ["风险等级" "风险级别" "风险评估等级"],
    /// 低保
    Allowance "subsistence_allowance" ["低保" "是否低保" "低保情况" "是否低保户" "低保户"
        "是否享受低保" "享受低保" "低保对象" "是否低保对象"],
    /// 其他待遇
    Entitlements "entitlements" ["其他待遇" "待遇" "待遇情况" "享受待遇" "享受待遇情况" "享受政策"
        "享受补贴" "享受政策情况"],
    /// 空巢
    EmptyNest "empty_nest" ["空巢" "是否空巢" "空巢老人" "是否空巢老人"],
    /// 特殊困难
    SpecialCategories "special_categories" ["特殊困难" "特殊困难类别" "特殊困难类型"
        "特殊困难老人类别" "特殊困难老年人类别" "老人类别" "老年人类别"],
    /// 家庭成员
    Members "members" ["家庭成员" "家庭成员姓名" "家庭结构" "共同生活成员" "同住人员" "同住家庭成员"
        "共同居住人"],
    /// 家庭成员关系
    MemberRelation "member_relation" ["家庭成员关系" "成员关系" "家庭成员与老人关系"
        "同住人员与老人关系"],
    /// 扶养人
    Maintainers "maintainers" ["扶养人" "扶养人姓名" "扶养义务人" "扶养义务人姓名"],
    /// 扶养人关系
    MaintainerRelation "maintainer_relation" ["扶养人关系" "扶养人与老人关系"],
    /// 子女姓名
    SupporterName "supporter_name" ["子女姓名" "赡养人" "赡养人姓名" "外出子女姓名" "外出子女"
        "子女" "外出务工子女姓名" "外出人员姓名" "赡养义务人" "赡养义务人姓名"],
    /// 与老人关系
    SupporterRelation "supporter_relation" ["与老人关系" "与老年人关系" "关系" "与本人关系"
        "子女与老人关系" "与留守老人关系" "与留守老年人关系"],
    /// 子女外出地
    SupporterWhereabouts "supporter_whereabouts" ["子女外出地" "外出地" "外出地点" "务工地"
        "务工地点" "去向" "外出去向" "子女去向" "子女外出地点" "子女务工地" "子女务工地点"
        "外出务工地" "外出务工地点"],
    /// 外出地代码
    AbsenceDestination "absence_destination" ["外出地代码" "外出地区划代码"],
    /// 外出时间
    AbsenceLeft "absence_left" ["外出时间" "外出日期" "子女外出时间" "离家时间" "外出务工时间"
        "子女外出日期"],
    /// 返乡时间
    AbsenceReturned "absence_returned" ["返乡时间" "返乡日期" "返回时间" "返家时间" "子女返乡时间"],
    /// 外出原因
    AbsenceReason "absence_reason" ["外出原因" "外出事由" "外出类型" "子女外出原因" "从事行业"
        "外出从业"],
    /// 子女电话
    SupporterPhone "supporter_phone" ["子女电话" "子女联系电话" "子女联系方式" "赡养人电话"
        "赡养人联系电话" "赡养人联系方式" "外出子女电话" "外出子女联系电话" "子女手机号"],
    /// 赡养能力
    SupporterCapacity "supporter_capacity" ["赡养能力" "子女赡养能力" "有无赡养能力"
        "子女有无赡养能力"],
    /// 监护人
    GuardianName "guardian_name" ["监护人" "监护人姓名" "联系人" "联系人姓名"],
    /// 监护人电话
    GuardianPhone "guardian_phone" ["监护人电话" "监护人联系电话" "监护人联系方式" "监护人手机号"
        "联系人电话"],
    /// 监护人顺位
    GuardianRank "guardian_rank" ["监护人顺位" "监护人联系顺序"],
    /// 紧急联系人
    EmergencyContacts "emergency_contacts" ["紧急联系人" "紧急联系人姓名" "应急联系人"
        "应急联系人姓名"],
    /// 紧急联系人电话
    EmergencyPhone "emergency_phone" ["紧急联系人电话" "紧急联系人联系电话" "紧急联系电话"
        "紧急联系人联系方式" "应急联系人电话"],
    /// 紧急联系人顺位
    EmergencyRank "emergency_rank" ["紧急联系人顺位" "紧急联系人联系顺序"],
    /// 结对帮扶人
    Pairing "pairing" ["结对帮扶人" "帮扶人" "结对人" "结对帮扶" "帮扶责任人" "结对帮扶责任人"
        "结对帮扶人员" "帮扶干部" "结对关爱人" "帮扶人姓名" "结对帮扶人姓名"],
    /// 帮扶人类别
    PairingKind "pairing_kind" ["帮扶人类别" "结对帮扶人类别" "帮扶人类型" "帮扶人身份" "结对类型"
        "结对帮扶人身份"],
    /// 结对日期
    PairingFrom "pairing_from" ["结对日期" "结对时间" "结对开始日期" "结对帮扶日期"],
    /// 结对结束日期
    PairingUntil "pairing_until" ["结对结束日期" "结对终止日期" "结对到期日期"],
    /// 意愿
    CareConsent "care_consent" ["意愿" "关爱服务意愿" "接受服务意愿" "服务意愿" "老人意愿"
        "是否愿意接受服务" "是否愿意接受关爱服务"],
    /// 帮扶措施
    CarePlan "care_plan" ["帮扶措施" "关爱措施" "帮扶计划" "关爱帮扶措施" "关爱服务措施"],
    /// 委托照顾协议
    Agreement "agreement" ["委托照顾协议" "委托协议" "照顾协议" "是否签订委托照顾协议"
        "委托照护协议" "委托照料协议" "是否签订协议" "签订委托照顾协议" "委托照顾协议签订情况"],
    /// 协议状态
    AgreementEvent "agreement_event" ["协议状态" "委托照顾协议状态"],
    /// 协议日期
    AgreementDate "agreement_date" ["协议日期" "协议签订日期" "委托照顾协议签订日期" "协议签订时间"],
    /// 委托人
    AgreementSupporter "agreement_supporter" ["委托人" "协议委托人" "委托赡养人"],
    /// 受托人
    AgreementCaretaker "agreement_caretaker" ["受托人" "协议受托人" "受托照顾人" "受委托人"
        "委托照顾人"],
    /// 老人是否同意
    AgreementConsent "agreement_consent" ["老人是否同意" "协议老人意见" "老人是否同意委托照顾"],
    /// 协议备注
    AgreementNote "agreement_note" ["协议备注"],
    /// 服务需求
    ServiceNeeds "service_needs" ["服务需求" "需求" "养老服务需求" "关爱服务需求" "服务需求情况"
        "需求情况" "所需服务"],
    /// 备注
    Remarks "remarks" ["备注" "说明" "备注说明" "其他情况" "其他"],
    /// 档案编号: the file's own id, in a ledger that was exported.
    File "file_id" ["档案编号"],
    /// 退回原因: the column that [`super::rejected`] adds; never read.
    ReturnReason "return_reason" ["退回原因"],
}

impl Column {
    /// The column that has this heading.
    pub(crate) fn from_heading(heading: &str) -> Option<Self> {
        let plain = plain_heading(heading);
        Self::ALL
            .iter()
            .copied()
            .find(|column| column.key() == plain || column.headings().contains(&plain.as_str()))
    }

    /// Whether it may hold a resident ID number, so that no report repeats it.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::ResidentId | Self::ResidentIdAsWritten)
    }

    /// Whether the column says anything of the elder.
    pub(crate) fn is_about_the_elder(self) -> bool {
        !matches!(self, Self::Serial | Self::ReturnReason | Self::File)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What stands in each position of a sheet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    /// The meaning of every position; None where nobody knows it, or an earlier position has it.
    pub(crate) columns: Vec<Option<Column>>,
}

/// The fewest known headings that make a header row. A title row has one cell.
const KNOWN_MIN: usize = 3;

impl Header {
    /// Reads a row as headings, if it is a header row.
    pub(crate) fn read(row: &[Cell]) -> Option<Self> {
        let mut header = Self::default();
        for cell in row {
            let text = match cell {
                Cell::Text(text) => text.as_str(),
                _ => "",
            };
            let column = Column::from_heading(text)
                .filter(|column| !header.columns.contains(&Some(*column)));
            header.columns.push(column);
        }
        let known = header.columns.iter().flatten().count();
        (known >= KNOWN_MIN && header.has(Column::Name)).then_some(header)
    }

    /// Whether a column has this meaning.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.columns.contains(&Some(column))
    }
}

/// A heading without white space, notes in brackets, colons and the asterisk of duty.
pub(super) fn plain_heading(heading: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0usize;
    for c in heading.nfkc().flat_map(char::to_lowercase) {
        match c {
            '(' | '[' | '【' | '〔' | '{' => depth += 1,
            ')' | ']' | '】' | '〕' | '}' => depth = depth.saturating_sub(1),
            '*' | ':' | '、' => {}
            c if depth > 0 || is_blank(c) => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_crdt_schema::field::Field;

    #[test]
    fn headings_are_known_in_their_disguises() {
        for (heading, column) in [
            ("姓名", Some(Column::Name)),
            ("姓　名", Some(Column::Name)),
            ("*留守老人姓名", Some(Column::Name)),
            ("身份证号码\n（18位）", Some(Column::ResidentId)),
            ("公民身份号码：", Some(Column::ResidentId)),
            ("村（居）委会", Some(Column::Village)),
            ("村（社区）", Some(Column::Village)),
            ("residence_code", Some(Column::Village)),
            ("Name", Some(Column::Name)),
            ("出生年月", Some(Column::BirthDate)),
            ("退回原因", Some(Column::ReturnReason)),
            ("年龄", None),
            ("", None),
            ("（", None),
        ] {
            assert_eq!(Column::from_heading(heading), column, "{heading}");
        }
    }

    #[test]
    fn no_heading_has_two_meanings() {
        let mut seen = std::collections::BTreeMap::new();
        for column in Column::ALL {
            for heading in column.headings().iter().chain([&column.key()]) {
                let earlier = seen.insert(*heading, *column);
                assert!(earlier.is_none_or(|earlier| earlier == *column), "{heading}");
                assert_eq!(plain_heading(heading), *heading, "{heading} is written plainly");
            }
        }
    }

    #[test]
    fn every_field_has_its_column() {
        for field in Field::ALL {
            assert!(Column::from_heading(field.spec().key).is_some(), "{field}");
        }
    }

    #[test]
    fn a_second_column_of_one_meaning_is_unknown() {
        let row: Vec<Cell> =
            ["姓名", "性别", "住址", "姓名", ""].map(|text| Cell::Text(text.into())).into();
        let header = Header::read(&row).unwrap();
        let columns = [Some(Column::Name), Some(Column::Sex), Some(Column::Address), None, None];
        assert_eq!(header.columns, columns);
        assert!(Header::read(&row[..2]).is_none());
    }
}
