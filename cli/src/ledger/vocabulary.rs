//! The words of ledgers for the vocabularies of the record.

use shouwang_crdt_schema::record::{
    AbilityLevel, AbsenceReason, AgreementEvent, CareConsent, Choice, Condition, DeviceKind,
    DisabilityGrade, EntitlementKind, EntitlementState, Finding, Housing, Hygiene, IncomeSource,
    LivingArrangement, MentalState, ObservedFunction, PairingKind, RiskLevel, SafetyItem,
    ServiceNeed, Sex, SpecialCategory, SupportCapacity, VisitAction, VisitMode, VisitOccasion,
    VisitOutcome, YesNo,
};
use unicode_normalization::UnicodeNormalization;

use super::cell::is_blank;

/// A text for comparing: one form of each character, no white space.
pub(crate) fn plain(text: &str) -> String {
    text.nfkc().filter(|c| !is_blank(*c)).collect()
}

/// Whether a mark stands where a form was left blank.
pub(crate) fn is_left_blank(plain: &str) -> bool {
    !plain.is_empty() && plain.chars().all(|c| matches!(c, '-' | '—' | '–' | '/' | '\\' | '_'))
}

/// 性别
pub(crate) fn sex(plain: &str) -> Option<Sex> {
    Some(match plain {
        "男" | "男性" | "M" | "m" | "1" => Sex::Male,
        "女" | "女性" | "F" | "f" | "2" => Sex::Female,
        _ => return spelt(plain),
    })
}

/// 居住状况
pub(crate) fn living_arrangement(plain: &str) -> Option<LivingArrangement> {
    if let Some(value) = spelt(plain) {
        return Some(value);
    }
    let says = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    if says(&["独居", "独自", "单独", "一个人", "一人"]) {
        return Some(LivingArrangement::Alone);
    }
    if says(&["孙", "子女", "儿", "女", "他人", "亲", "父母", "兄弟", "姐妹", "其他人", "隔代"])
    {
        return Some(LivingArrangement::WithOthers);
    }
    says(&["配偶", "老伴", "夫妻", "丈夫", "妻子", "夫妇"]).then_some(LivingArrangement::SpouseOnly)
}

/// 能力等级. A bare 失能 does not say which, and grades in digits differ between standards.
pub(crate) fn ability_level(plain: &str) -> Option<AbilityLevel> {
    Some(match plain {
        "完全失能" | "完全丧失" | "全失能" | "完全丧失能力" | "完全" => {
            AbilityLevel::Total
        }
        "重度失能" | "重度" | "重度丧失" => AbilityLevel::Severe,
        "中度失能" | "中度" | "中度丧失" => AbilityLevel::Moderate,
        "轻度失能" | "轻度" | "轻度丧失" => AbilityLevel::Mild,
        "能力完好" | "完好" | "自理" | "能自理" | "完全自理" | "可自理" | "能够自理" => {
            AbilityLevel::Intact
        }
        "未评估" | "未评" | "未测评" | "待评估" => AbilityLevel::Unassessed,
        _ if is_unknown(plain) => AbilityLevel::Unassessed,
        _ => return spelt(plain),
    })
}

/// 残疾等级: of several, the worst.
pub(crate) fn disability_grade(plain: &str) -> Option<DisabilityGrade> {
    if matches!(plain, "无" | "否" | "没有" | "无残疾" | "非残疾" | "未残疾" | "健全")
    {
        return Some(DisabilityGrade::None);
    }
    if let Some(value) = spelt(plain) {
        return Some(value);
    }
    let grade = |c: char| match c {
        '1' | '一' | '壹' | 'I' => Some(DisabilityGrade::G1),
        '2' | '二' | '贰' => Some(DisabilityGrade::G2),
        '3' | '三' | '叁' => Some(DisabilityGrade::G3),
        '4' | '四' | '肆' => Some(DisabilityGrade::G4),
        _ => None,
    };
    let chars: Vec<char> = plain.chars().collect();
    if let [single] = chars.as_slice() {
        return grade(*single);
    }
    // NFKC turns the single characters Ⅱ, Ⅲ and Ⅳ into these.
    for (roman, value) in [
        ("IV级", DisabilityGrade::G4),
        ("III级", DisabilityGrade::G3),
        ("II级", DisabilityGrade::G2),
    ] {
        if plain.contains(roman) {
            return Some(value);
        }
    }
    chars
        .windows(2)
        .filter_map(|pair| match pair {
            [number, '级'] => grade(*number),
            _ => None,
        })
        .min()
}

/// 身体状况. Illnesses are no answer: they do not say how the elder moves.
pub(crate) fn observed_function(plain: &str) -> Option<ObservedFunction> {
    Some(match plain {
        "健康" | "良好" | "正常" | "较好" | "身体健康" | "行动自如" | "好" => {
            ObservedFunction::NoLimitation
        }
        "行动不便" | "行动不变" | "行动困难" | "行走不便" => {
            ObservedFunction::MobilityLimited
        }
        "长期卧床" | "卧床" | "卧床不起" | "瘫痪" | "瘫痪在床" => {
            ObservedFunction::Bedridden
        }
        _ => return spelt(plain),
    })
}

/// 风险等级
pub(crate) fn risk_level(plain: &str) -> Option<RiskLevel> {
    Some(match plain {
        "高风险" => RiskLevel::High,
        "中风险" | "中等" => RiskLevel::Medium,
        "低风险" => RiskLevel::Low,
        _ => return spelt(plain),
    })
}

/// A question of fact, for example 是否失智.
pub(crate) fn yes_no(plain: &str) -> Option<YesNo> {
    Some(match plain.to_lowercase().as_str() {
        "是" | "√" | "✓" | "✔" | "☑" | "有" | "y" | "yes" | "true" | "1" | "对" | "v" => {
            YesNo::Yes
        }
        "失智" | "患有" | "已确诊" | "困难" | "经济困难" | "贫困" => YesNo::Yes,
        "低保" | "低保户" | "享受" | "已享受" | "在享" | "享受低保" => YesNo::Yes,
        "已签订" | "已签" | "签订" | "已签署" | "已报备" => YesNo::Yes,
        "否" | "×" | "✗" | "✕" | "✘" | "☒" | "x" | "无" | "没有" | "n" | "no" | "false" | "0" => {
            YesNo::No
        }
        "不是" | "不困难" | "非低保" | "未享受" | "不享受" => YesNo::No,
        "未签订" | "未签" | "未签署" | "没签" => YesNo::No,
        text if is_unknown(text) => YesNo::Unknown,
        _ => return spelt(plain),
    })
}

/// 赡养能力
pub(crate) fn support_capacity(plain: &str) -> Option<SupportCapacity> {
    Some(match plain {
        "有" | "有能力" | "具备" | "有赡养能力" => SupportCapacity::Capable,
        "无" | "无能力" | "不具备" | "无赡养能力" | "没有" => {
            SupportCapacity::Incapable
        }
        _ => return spelt(plain),
    })
}

/// What for a supporter is away, from any text that speaks of it.
pub(crate) fn absence_reason(plain: &str) -> AbsenceReason {
    let says = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    if says(&["务工", "打工", "上班", "工作"]) {
        AbsenceReason::Work
    } else if says(&["经商", "生意", "做买卖", "开店"]) {
        AbsenceReason::Business
    } else if says(&["经营", "种植", "养殖"]) {
        AbsenceReason::OtherProduction
    } else {
        AbsenceReason::Unknown
    }
}

/// What kind of helper is named, from titles such as those in 周主任 and 志愿者小吴.
pub(crate) fn pairing_kind(helper: &str) -> PairingKind {
    const TITLES: [(PairingKind, &[&str]); 6] = [
        (PairingKind::Volunteer, &["志愿"]),
        (PairingKind::SocialWorker, &["社工"]),
        (PairingKind::YoungOld, &["低龄老人", "低龄老年人"]),
        (PairingKind::Neighbour, &["邻居", "邻里"]),
        (
            PairingKind::Cadre,
            &["主任", "支书", "书记", "会计", "网格员", "干部", "村长", "组长", "委员", "文书"],
        ),
        (PairingKind::PartyMember, &["党员"]),
    ];
    TITLES
        .iter()
        .find(|(_, titles)| titles.iter().any(|title| helper.contains(title)))
        .map_or(PairingKind::Unknown, |(kind, _)| *kind)
}

/// 服务需求: one need.
pub(crate) fn service_need(plain: &str) -> Option<ServiceNeed> {
    Some(match plain {
        "照料" | "日常照料" | "生活照护" | "日间照料" | "照护" => {
            ServiceNeed::DailyCare
        }
        "康复" | "护理" | "康复理疗" | "医疗护理" => ServiceNeed::Rehabilitation,
        "心理慰藉" | "精神关爱" | "聊天" | "陪伴" | "陪聊" | "情感慰藉" => {
            ServiceNeed::Emotional
        }
        "紧急救助" | "应急救援" | "助急" | "紧急呼叫" | "一键呼叫" => {
            ServiceNeed::EmergencyRescue
        }
        "适老化" | "居家适老化改造" | "家庭适老化改造" => {
            ServiceNeed::HomeAdaptation
        }
        "送餐" | "就餐" | "用餐" | "助餐服务" => ServiceNeed::Meals,
        "保洁" | "打扫卫生" | "助洁服务" => ServiceNeed::Cleaning,
        "就医" | "陪医" | "陪诊" | "送医" | "助医服务" | "陪同就医" => {
            ServiceNeed::Medical
        }
        "出行" | "助行服务" => ServiceNeed::Mobility,
        "代买" | "代缴" | "代购" | "代办" | "代办服务" => ServiceNeed::Errands,
        "辅具租赁" | "辅助器具" | "轮椅" => ServiceNeed::AssistiveDevice,
        "法律" | "法律服务" | "维权" => ServiceNeed::LegalAid,
        _ => return spelt(plain),
    })
}

/// 帮扶人类别, stated in a column of its own.
pub(crate) fn stated_pairing_kind(plain: &str) -> Option<PairingKind> {
    spelt(plain).or_else(|| match pairing_kind(plain) {
        PairingKind::Unknown => None,
        kind => Some(kind),
    })
}

/// 精神状态
pub(crate) fn mental_state(plain: &str) -> Option<MentalState> {
    Some(match plain {
        "正常" | "良好" | "好" | "平稳" => MentalState::Stable,
        "一般" | "较差" | "低落" | "焦虑" | "抑郁" | "需要关注" => {
            MentalState::Concern
        }
        "严重障碍" | "异常严重" => MentalState::Severe,
        _ => return spelt(plain),
    })
}

/// 卫生状况
pub(crate) fn hygiene(plain: &str) -> Option<Hygiene> {
    Some(match plain {
        "良好" | "较好" | "干净" | "整洁" => Hygiene::Good,
        "较差" | "脏乱" | "脏" | "很差" => Hygiene::Poor,
        "中" | "中等" => Hygiene::Fair,
        _ => return spelt(plain),
    })
}

/// 居住环境
pub(crate) fn housing(plain: &str) -> Option<Housing> {
    Some(match plain {
        "C级危房" | "D级危房" | "C级" | "D级" | "危险" | "不安全" => {
            Housing::Dangerous
        }
        "需适老化改造" | "待改造" | "需要改造" => Housing::NeedsAdaptation,
        "安全住房" | "良好" | "A级" | "B级" | "好" => Housing::Sound,
        _ => return spelt(plain),
    })
}

/// 意愿
pub(crate) fn care_consent(plain: &str) -> Option<CareConsent> {
    Some(match plain {
        "是" | "同意" | "接受" | "愿意接受" | "√" => CareConsent::Consented,
        "否" | "不同意" | "拒绝" | "不接受" | "×" => CareConsent::Declined,
        "未问" | "未征求" => CareConsent::NotAsked,
        _ if is_unknown(plain) => CareConsent::NotAsked,
        _ => return spelt(plain),
    })
}

/// Whether the elder agreed.
pub(crate) fn consent_given(plain: &str) -> Option<YesNo> {
    match plain {
        "同意" | "愿意" => Some(YesNo::Yes),
        "不同意" | "不愿意" | "拒绝" => Some(YesNo::No),
        _ => yes_no(plain),
    }
}

/// 协议状态
pub(crate) fn agreement_event(plain: &str) -> Option<AgreementEvent> {
    Some(match plain {
        "签订" | "已签" | "是" => AgreementEvent::Signed,
        "报备" | "已备案" | "备案" => AgreementEvent::Filed,
        "终止" | "已解除" | "解除" | "到期" => AgreementEvent::Ended,
        "拒签" | "拒绝" | "不愿签订" => AgreementEvent::Refused,
        "无受委托人" => AgreementEvent::NoCaretaker,
        _ => return spelt(plain),
    })
}

/// 经济来源: one source.
pub(crate) fn income_source(plain: &str) -> Option<IncomeSource> {
    Some(match plain {
        "养老保险" | "退休金" | "养老保险金" | "基础养老金" | "基本养老金" => {
            IncomeSource::Pension
        }
        "子女" | "子女赡养" | "家人供养" | "子女赡养费" | "赡养费" => {
            IncomeSource::Family
        }
        "务农" | "劳动收入" | "种植" | "养殖" | "务农收入" | "种地" => {
            IncomeSource::Labour
        }
        "补贴" | "政府补助" | "救助" | "低保" | "低保金" | "社会救助" | "高龄补贴" => {
            IncomeSource::Benefit
        }
        _ => return spelt(plain),
    })
}

/// 疾病: one illness of those that are followed. Any other is no value of the record.
pub(crate) fn condition(plain: &str) -> Option<Condition> {
    Some(match plain {
        "高血压病" | "血压高" => Condition::Hypertension,
        "糖尿病" | "2型糖尿病" | "血糖高" => Condition::Diabetes,
        "结核" | "结核病" => Condition::Tuberculosis,
        "重性精神病" | "严重精神病" | "精神分裂症" => {
            Condition::SevereMentalDisorder
        }
        "其他疾病" => Condition::Other,
        _ => return spelt(plain),
    })
}

/// 安全隐患: one hazard.
pub(crate) fn safety_item(plain: &str) -> Option<SafetyItem> {
    Some(match plain {
        "住房" | "房屋安全" | "危房" | "房屋漏雨" => SafetyItem::House,
        "用水" | "用水安全" | "饮水" => SafetyItem::Water,
        "用电" | "用电安全" | "电线老化" | "线路老化" => SafetyItem::Power,
        "燃气" | "用气" | "用气安全" | "煤气" => SafetyItem::Gas,
        "取暖" | "取暖安全" | "供暖" => SafetyItem::Heating,
        "火" | "火灾" | "消防安全" | "用火" => SafetyItem::Fire,
        _ => return spelt(plain),
    })
}

/// 智能设备: one device.
pub(crate) fn device_kind(plain: &str) -> Option<DeviceKind> {
    Some(match plain {
        "一键呼叫" | "呼叫器" | "一键呼叫器" | "一键通电话" | "紧急呼叫器" => {
            DeviceKind::OneTouchCall
        }
        "监测" | "智能手环" | "手环" | "监控" | "监测设备" | "智能监测设备" => {
            DeviceKind::Monitor
        }
        "烟感报警器" | "烟雾报警器" | "烟感器" | "烟雾感应器" => {
            DeviceKind::SmokeSensor
        }
        "其他设备" => DeviceKind::Other,
        _ => return spelt(plain),
    })
}

/// 特殊困难: one category.
pub(crate) fn special_category(plain: &str) -> Option<SpecialCategory> {
    Some(match plain {
        "独居老人" => SpecialCategory::LivingAlone,
        "空巢老人" => SpecialCategory::EmptyNest,
        "留守老人" => SpecialCategory::LeftBehind,
        "失能老人" => SpecialCategory::Impaired,
        "重残老人" | "重度残疾" => SpecialCategory::SevereDisability,
        "计生特殊家庭" | "计划生育特殊家庭老人" | "失独" | "失独家庭" => {
            SpecialCategory::FamilyPlanningSpecial
        }
        _ => return spelt(plain),
    })
}

/// 待遇: one kind.
pub(crate) fn entitlement_kind(plain: &str) -> Option<EntitlementKind> {
    use EntitlementKind as Kind;
    Some(match plain {
        "最低生活保障" | "农村低保" | "城市低保" | "低保户" => {
            Kind::SubsistenceAllowance
        }
        "特困" | "特困人员" | "五保" | "特困人员供养" | "五保户" => {
            Kind::DestituteSupport
        }
        "临时救助金" => Kind::TemporaryAid,
        "医疗救助金" => Kind::MedicalAid,
        "高龄津贴" | "高龄补助" | "高龄保健补助" => Kind::OldAgeAllowance,
        "残疾补贴" | "残疾人两项补贴" | "残疾人护理补贴" | "残疾人生活补贴" => {
            Kind::DisabilitySubsidy
        }
        "养老金" | "养老保险" | "基本养老保险" | "城乡居民养老保险" => {
            Kind::BasicPension
        }
        "医保" | "医疗保险" | "基本医疗保险" | "城乡居民医保" => {
            Kind::MedicalInsurance
        }
        "适老化" | "居家适老化改造" => Kind::HomeAdaptation,
        "集中供养" => Kind::CentralisedCare,
        _ => return spelt(plain),
    })
}

/// How far an entitlement has come.
pub(crate) fn entitlement_state(plain: &str) -> Option<EntitlementState> {
    Some(match plain {
        "享受" | "已享受" | "在享" | "领取中" => EntitlementState::Receiving,
        "停发" | "已停" | "已终止" | "已取消" => EntitlementState::Ended,
        "申请" | "申请中" | "审核中" => EntitlementState::Applied,
        "告知" => EntitlementState::Informed,
        "符合" | "可能" => EntitlementState::Possible,
        _ => return spelt(plain),
    })
}

/// 探访方式
pub(crate) fn visit_mode(plain: &str) -> Option<VisitMode> {
    Some(match plain {
        "入户" | "上门探访" | "入户探访" | "上门走访" | "实地" | "面访" => {
            VisitMode::Home
        }
        "电话探访" | "打电话" => VisitMode::Phone,
        "视频探访" | "微信视频" | "视频通话" => VisitMode::Video,
        "集中探访" | "集体" => VisitMode::Gathering,
        "远程" | "设备监测" => VisitMode::RemoteMonitoring,
        _ => return spelt(plain),
    })
}

/// 探访结果
pub(crate) fn visit_outcome(plain: &str) -> Option<VisitOutcome> {
    Some(match plain {
        "已完成" | "成功" | "见到" | "正常" | "已探访" => VisitOutcome::Completed,
        "无应答" | "无人" | "未接" | "未见到" | "无人在家" | "无人接听" => {
            VisitOutcome::NoAnswer
        }
        "拒绝探访" | "拒访" => VisitOutcome::Refused,
        "不在家" | "外出未归" | "老人外出" => VisitOutcome::Away,
        _ => return spelt(plain),
    })
}

/// 探访事由
pub(crate) fn visit_occasion(plain: &str) -> Option<VisitOccasion> {
    Some(match plain {
        "常规" | "例行" | "日常探访" | "每月探访" | "月探访" => {
            VisitOccasion::Routine
        }
        "节日慰问" | "春节" | "重阳节" | "节日探访" | "中秋节" => {
            VisitOccasion::Festival
        }
        "恶劣天气" | "寒潮" | "高温" | "暴雨" => VisitOccasion::ExtremeWeather,
        "疫情" | "封闭" => VisitOccasion::SealedOff,
        "随访" | "跟进" => VisitOccasion::FollowUp,
        _ => return spelt(plain),
    })
}

/// What a visitor found in one area.
pub(crate) fn finding(plain: &str) -> Option<Finding> {
    Some(match plain {
        "无异常" | "良好" | "好" | "无问题" | "无" => Finding::Fine,
        "一般" | "关注" | "需要关注" => Finding::Concern,
        "异常" | "问题" | "差" => Finding::Problem,
        _ => return spelt(plain),
    })
}

/// What the visitor did: one action.
pub(crate) fn visit_action(plain: &str) -> Option<VisitAction> {
    spelt(plain)
}

/// An item of an area of the visit form.
pub(crate) fn visit_item<C: Choice>(plain: &str) -> Option<C> {
    spelt(plain)
}

/// The vocabulary's own spelling, stored or Chinese; 不详 where the vocabulary has an unknown.
fn spelt<C: Choice>(plain: &str) -> Option<C> {
    let known = |value: &C| value.chinese() == plain || value.as_str().eq_ignore_ascii_case(plain);
    C::ALL
        .iter()
        .copied()
        .find(known)
        .or_else(|| C::from_stored("Unknown").filter(|_| is_unknown(plain)))
}

fn is_unknown(plain: &str) -> bool {
    matches!(plain, "不详" | "未知" | "不清楚" | "不明" | "不确定")
}

#[cfg(test)]
mod tests;
