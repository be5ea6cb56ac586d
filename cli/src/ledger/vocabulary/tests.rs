//! Every word of every vocabulary, and the ways in which ledgers write them.

use super::*;

#[track_caller]
fn table<C: Choice + std::fmt::Debug>(read: fn(&str) -> Option<C>, rows: &[(&str, Option<C>)]) {
    for value in C::ALL {
        assert_eq!(read(value.as_str()), Some(*value), "{}", value.as_str());
        assert_eq!(read(&plain(value.chinese())), Some(*value), "{}", value.chinese());
    }
    for (text, value) in rows {
        assert_eq!(read(&plain(text)), *value, "{text}");
    }
}

#[test]
fn sexes() {
    table(sex, &[("男 性", Some(Sex::Male)), ("２", Some(Sex::Female)), ("人", None)]);
}

#[test]
fn living_arrangements() {
    use LivingArrangement::{Alone, SpouseOnly, Unknown, WithOthers};
    table(
        living_arrangement,
        &[
            ("独居", Some(Alone)),
            ("独居（子女在外）", Some(Alone)),
            ("与配偶居住", Some(SpouseOnly)),
            ("与老伴同住", Some(SpouseOnly)),
            ("与孙辈居住", Some(WithOthers)),
            ("与配偶及孙辈居住", Some(WithOthers)),
            ("与他人居住", Some(WithOthers)),
            ("不详", Some(Unknown)),
            ("养老院", None),
        ],
    );
}

#[test]
fn ability_levels() {
    table(
        ability_level,
        &[
            ("完全 失能", Some(AbilityLevel::Total)),
            ("轻度", Some(AbilityLevel::Mild)),
            ("能自理", Some(AbilityLevel::Intact)),
            ("不详", Some(AbilityLevel::Unassessed)),
            ("失能", None),
            ("2级", None),
        ],
    );
}

#[test]
fn disability_grades() {
    use DisabilityGrade::{G1, G2, G3, G4, None as NoGrade, Unknown};
    table(
        disability_grade,
        &[
            ("肢体二级", Some(G2)),
            ("2级", Some(G2)),
            ("２级", Some(G2)),
            ("Ⅲ级", Some(G3)),
            ("Ⅰ级", Some(G1)),
            ("视力一级", Some(G1)),
            ("听力四级、肢体三级", Some(G3)),
            ("四级", Some(G4)),
            ("2", Some(G2)),
            ("无残疾", Some(NoGrade)),
            ("不详", Some(Unknown)),
            ("有", None),
            ("5级", None),
        ],
    );
}

#[test]
fn observed_functions_and_risks() {
    table(
        observed_function,
        &[
            ("良好", Some(ObservedFunction::NoLimitation)),
            ("瘫痪", Some(ObservedFunction::Bedridden)),
            ("高血压", None),
        ],
    );
    table(risk_level, &[("高风险", Some(RiskLevel::High)), ("很高", None)]);
    table(support_capacity, &[("有", Some(SupportCapacity::Capable)), ("也许", None)]);
}

#[test]
fn the_words_of_lists_and_visits() {
    table(mental_state, &[("低落", Some(MentalState::Concern)), ("开朗吗", None)]);
    table(hygiene, &[("整洁", Some(Hygiene::Good))]);
    table(housing, &[("D级危房", Some(Housing::Dangerous))]);
    table(care_consent, &[("同意", Some(CareConsent::Consented)), ("也许", None)]);
    table(agreement_event, &[("备案", Some(AgreementEvent::Filed))]);
    table(income_source, &[("务农", Some(IncomeSource::Labour))]);
    table(condition, &[("血压高", Some(Condition::Hypertension)), ("感冒", None)]);
    table(safety_item, &[("用电", Some(SafetyItem::Power))]);
    table(device_kind, &[("手环", Some(DeviceKind::Monitor))]);
    table(special_category, &[("失独", Some(SpecialCategory::FamilyPlanningSpecial))]);
    table(entitlement_kind, &[("高龄津贴", Some(EntitlementKind::OldAgeAllowance))]);
    table(entitlement_state, &[("停发", Some(EntitlementState::Ended))]);
    table(visit_mode, &[("入户", Some(VisitMode::Home))]);
    table(visit_outcome, &[("拒访", Some(VisitOutcome::Refused))]);
    table(visit_occasion, &[("重阳节", Some(VisitOccasion::Festival))]);
    table(finding, &[("异常", Some(Finding::Problem))]);
    table(visit_action, &[("不知", None)]);
    table(stated_pairing_kind, &[("村干部", Some(PairingKind::Cadre)), ("亲戚", None)]);
}

#[test]
fn answers() {
    table(
        yes_no,
        &[
            ("√", Some(YesNo::Yes)),
            ("已签订", Some(YesNo::Yes)),
            ("TRUE", Some(YesNo::Yes)),
            ("1", Some(YesNo::Yes)),
            ("×", Some(YesNo::No)),
            ("X", Some(YesNo::No)),
            ("无", Some(YesNo::No)),
            ("未签订", Some(YesNo::No)),
            ("不详", Some(YesNo::Unknown)),
            ("也许", None),
        ],
    );
}

#[test]
fn needs_helpers_and_reasons() {
    for (text, need) in [
        ("助餐", Some(ServiceNeed::Meals)),
        ("送餐", Some(ServiceNeed::Meals)),
        ("代买代缴", Some(ServiceNeed::Errands)),
        ("唱歌", None),
    ] {
        assert_eq!(service_need(text), need, "{text}");
    }
    for (helper, kind) in [
        ("志愿者小吴", PairingKind::Volunteer),
        ("周主任", PairingKind::Cadre),
        ("李支书", PairingKind::Cadre),
        ("王会计", PairingKind::Cadre),
        ("陈网格员", PairingKind::Cadre),
        ("党员老赵", PairingKind::PartyMember),
        ("社工小林", PairingKind::SocialWorker),
        ("邻居张婶", PairingKind::Neighbour),
        ("低龄老人互助员", PairingKind::YoungOld),
        ("周国强", PairingKind::Unknown),
    ] {
        assert_eq!(pairing_kind(helper), kind, "{helper}");
    }
    for (text, reason) in [
        ("广东务工", AbsenceReason::Work),
        ("做生意", AbsenceReason::Business),
        ("其他生产经营", AbsenceReason::OtherProduction),
        ("上学", AbsenceReason::Unknown),
    ] {
        assert_eq!(absence_reason(text), reason, "{text}");
    }
}
