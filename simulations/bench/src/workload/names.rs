//! The words that fictional people and places are called by.

/// Lists of words. There are two: what a dictionary for compression was trained on says nothing
/// about how it does on other people, so the two have no word in common.
#[derive(Debug)]
pub(crate) struct Names {
    /// 姓
    pub(crate) surnames: &'static [&'static str],
    /// 名
    pub(crate) given: &'static [&'static str],
    /// 村, one for each village.
    pub(crate) villages: &'static [&'static str],
    /// Where people go to work.
    pub(crate) cities: &'static [&'static str],
    /// 与老人关系. Offices use the same few words everywhere.
    pub(crate) relations: &'static [&'static str],
    /// What visitors write.
    pub(crate) notes: &'static [&'static str],
    /// First three digits of elders' telephones, and of their supporters'.
    pub(crate) phones: [&'static str; 2],
}

const RELATIONS: &[&str] = &["儿子", "女儿", "孙子"];

impl Names {
    /// What is measured with.
    pub(crate) const BENCH: Self = Self {
        surnames: &["木", "和", "李", "王", "张", "杨", "赵", "陈", "刘", "段", "施", "周"],
        given: &[
            "玉梅", "金凤", "银花", "桂英", "秀兰", "国强", "志明", "文华", "春香", "学仁", "德福",
            "有才", "兆兰", "永芳", "顺昌", "雪山",
        ],
        villages: &[
            "上禾村",
            "下禾村",
            "石桥村",
            "青坪村",
            "云岭村",
            "水磨村",
            "松坪村",
            "龙潭村",
            "东河村",
            "白沙村",
        ],
        cities: &[
            "广东省东莞市",
            "浙江省义乌市",
            "江苏省昆山市",
            "昆明市官渡区",
            "福建省晋江市",
            "上海市松江区",
            "深圳市宝安区",
            "成都市双流区",
        ],
        relations: RELATIONS,
        notes: &[
            "血压偏高，已提醒按时服药，联系村医复诊",
            "身体良好，和邻居聊天",
            "屋顶漏雨，已报村委会",
            "子女春节返乡，情绪不错",
            "腿脚不便，需要助餐",
        ],
        phones: ["138", "139"],
    };

    /// What a dictionary may be trained on, with another seed.
    #[allow(dead_code, reason = "whoever trains a dictionary takes it")]
    pub(crate) const TRAINING: Self = Self {
        surnames: &["黄", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "罗", "高"],
        given: &[
            "淑珍", "建国", "翠莲", "水生", "荷花", "永贵", "菊香", "长根", "素珍", "大山", "秋月",
            "金宝", "小妹", "春林", "明德", "凤仙",
        ],
        villages: &[
            "柳塘村",
            "高椅村",
            "双井村",
            "梅溪村",
            "枫树村",
            "油坊村",
            "新屋村",
            "大湾村",
            "茶山村",
            "南坡村",
        ],
        cities: &[
            "广州市白云区",
            "佛山市顺德区",
            "苏州市吴江区",
            "宁波市北仑区",
            "厦门市集美区",
            "杭州市萧山区",
            "重庆市渝北区",
            "武汉市江夏区",
        ],
        relations: RELATIONS,
        notes: &[
            "近日咳嗽，已陪同到卫生院就诊",
            "精神尚可，按时吃饭",
            "电线老化，已请电工检查",
            "儿子来电话，老人很高兴",
            "独自在家，嘱咐注意用火",
        ],
        phones: ["151", "187"],
    };
}
