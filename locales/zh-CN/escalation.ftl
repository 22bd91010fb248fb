# 超时升级：一级审批没有在应办时间之前作出决定。
action-recall-escalated = 审批超时升级
refusal-not-yet-overdue = 本级尚未超时。

escalated-line = { $level }已超时，应于 { $due } 之前作出决定。已告知可以审批本级及后续各级的人和申请人。
escalated-widened = 按本案适用的规则，{ $level }现由持有相应角色的任何人审批，不限部门，此前的转办不再限定审批人。

policy-part-escalation = 超时升级
policy-part-escalation-note = 任何一级超时，都会记入日志、产生告警，并告知审批人和申请人；超时从不视为同意
field-proposal-widen-overdue = 超时后放宽本级审批人：持有相应角色的任何人都可以审批，不限部门，也不受此前转办的限制
policy-widen-overdue = 审批超时以后
policy-widen-overdue-yes = 放宽本级审批人
policy-widen-overdue-no = 告警并告知，不放宽审批人

notice-escalated = 告知审批超时
mail-what-escalated = 撤回审批已超时
mail-head-escalated = 撤回案件有一级审批没有在应办时间之前作出决定，撤回窗口仍在缩短。可以审批这一级的，请登录后立即处理。

alert-rule-level-overdue = 审批超时
alert-meaning-level-overdue = 撤回案件的某一级没有在应办时间之前作出决定。窗口关闭之前仍可审批。
alert-why-level-overdue = 有案件的一级审批超过应办时间仍未决定。
