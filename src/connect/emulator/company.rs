//! The example company: 25 people, nine departments, three tags; invented.

use std::collections::HashMap;

/// A member, in the order of the directory; messages name members by that order.
pub(super) struct User {
    pub id: String,
    pub name: String,
    pub party: i64,
}

pub(super) struct Party {
    pub id: i64,
    pub name: &'static str,
    /// 0 for the root.
    pub parent: i64,
}

pub(super) struct Tag {
    pub id: i64,
    pub name: &'static str,
    pub users: Vec<usize>,
}

pub(super) struct Company {
    /// Place of a member by the id in lower case.
    places: HashMap<String, usize>,
    pub users: Vec<User>,
    pub parties: Vec<Party>,
    pub tags: Vec<Tag>,
}

const PARTIES: [(i64, &str, i64); 9] = [
    (1, "华辰集团", 0),
    (2, "人力资源部", 1),
    (3, "财务部", 1),
    (4, "法务合规部", 1),
    (5, "销售中心", 1),
    (6, "华东销售部", 5),
    (7, "华南销售部", 5),
    (8, "信息技术部", 1),
    (9, "行政部", 1),
];
/// Where members beyond the 25 sit.
const FRONT_LINE: (i64, &str, i64) = (10, "一线员工", 1);

const USERS: [(&str, &str, i64); 25] = [
    ("LinYuTong", "林雨桐", 2),
    ("ChenZhiYuan", "陈志远", 1),
    ("SuMu", "苏沐", 3),
    ("GuYuan", "顾远", 6),
    ("BaiLu", "白露", 9),
    ("ZhouZiAng", "周子昂", 8),
    ("WuXiaoMin", "吴晓敏", 2),
    ("ZhengKaiWen", "郑凯文", 4),
    ("WangSiQi", "王思齐", 6),
    ("LiMingZhe", "李明哲", 5),
    ("ZhaoXinYi", "赵欣怡", 3),
    ("SunHaoRan", "孙浩然", 7),
    ("QianRuoLan", "钱若兰", 4),
    ("FengYiFei", "冯逸飞", 8),
    ("ChuJiaNing", "褚嘉宁", 9),
    ("WeiZiHan", "卫子涵", 6),
    ("JiangMengJie", "蒋梦洁", 2),
    ("ShenZhiXing", "沈知行", 1),
    ("HanXue", "韩雪", 7),
    ("YangFan", "杨帆", 8),
    ("ZhuWenBo", "朱文博", 3),
    ("QinLang", "秦朗", 7),
    ("XuNuo", "许诺", 6),
    ("HeJingYi", "何静怡", 9),
    ("LvSiYuan", "吕思源", 8),
];

impl Company {
    pub fn new(extra_users: usize) -> Self {
        let mut users: Vec<User> =
            USERS.iter().map(|(id, name, party)| User { id: (*id).to_owned(), name: (*name).to_owned(), party: *party }).collect();
        users.extend((1..=extra_users).map(|n| User { id: format!("Staff{n:06}"), name: format!("员工{n:06}"), party: FRONT_LINE.0 }));
        let front_line = (extra_users > 0).then_some(FRONT_LINE);
        let parties = PARTIES.into_iter().chain(front_line).map(|(id, name, parent)| Party { id, name, parent }).collect();
        let tags = vec![
            Tag { id: 1, name: "部门负责人", users: vec![0, 2, 7, 9, 5, 4] },
            Tag { id: 2, name: "新员工", users: vec![15, 18, 22, 24] },
            Tag { id: 3, name: "外勤人员", users: vec![3, 8, 11, 18, 21] },
        ];
        let places = users.iter().enumerate().map(|(at, u)| (u.id.to_lowercase(), at)).collect();
        Self { places, users, parties, tags }
    }

    /// The place of a member; ids do not differ by case.
    pub fn user(&self, id: &str) -> Option<usize> {
        self.places.get(&id.to_lowercase()).copied()
    }

    pub fn party(&self, id: i64) -> Option<&Party> {
        self.parties.iter().find(|p| p.id == id)
    }

    pub fn tag(&self, id: i64) -> Option<&Tag> {
        self.tags.iter().find(|t| t.id == id)
    }

    /// Whether `party` is `above` or lies below it.
    pub fn within(&self, party: i64, above: i64) -> bool {
        let mut at = Some(party);
        // The tree is this file's own and has no cycles.
        while let Some(id) = at {
            if id == above {
                return true;
            }
            at = self.party(id).map(|p| p.parent).filter(|p| *p != 0);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_company_is_consistent() {
        let company = Company::new(3);
        assert_eq!(company.users.len(), 28);
        assert!(company.users.iter().all(|u| company.party(u.party).is_some() && company.within(u.party, 1)));
        assert!(company.tags.iter().flat_map(|t| &t.users).all(|n| *n < 25));
        let ids: std::collections::HashSet<String> = company.users.iter().map(|u| u.id.to_lowercase()).collect();
        assert_eq!(ids.len(), 28);
        assert!(company.within(6, 5) && !company.within(5, 6));
        assert_eq!(company.user("linyutong"), Some(0));
    }
}
