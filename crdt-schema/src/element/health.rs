//! Health: the yearly check of those of 65 and more.

use chrono::NaiveDate;

use super::elements;

elements! {
    /// 年度健康管理 (Ziyang 2018 (5)): what was done for one year.
    HealthCheck in HealthChecks => {
        /// The calendar year that it is for.
        year: u16,
        /// The day it was done.
        date: Option<NaiveDate>,
        /// 生活方式和健康状况评估
        lifestyle_assessment: bool,
        /// 体格检查
        physical: bool,
        /// 辅助检查
        auxiliary_tests: bool,
        /// 健康指导
        guidance: bool,
        /// Where.
        clinic: Option<String>,
    }
}
