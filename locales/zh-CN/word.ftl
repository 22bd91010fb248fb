# 固定用词：角色、结果、平台等

role-requester = 申请人
role-department-reviewer = 部门复核
role-legal-reviewer = 法务合规复核
role-final-approver = 终审
role-platform-operator = 平台操作员
role-system-administrator = 系统管理员
role-security-administrator = 安全管理员
role-audit-administrator = 审计管理员
role-auditor = 审计（只读）
role-counsel = 法务

outcome-success = 成功
outcome-refused = 已拒绝
outcome-failed = 失败

actor-kind-user = 人员
actor-kind-token = 访问令牌
actor-kind-job = 后台任务
actor-kind-system = 系统

recipient-outcome-confirmed = 平台确认已撤回
recipient-outcome-accepted = 平台已受理
recipient-outcome-unknown = 无法判断
recipient-outcome-still-visible = 已降级，仍可见
recipient-outcome-failed = 撤回失败

platform-wecom = 企业微信
platform-matrix = Matrix
platform-manual = 人工登记的渠道

harm-class-leak = 泄露敏感信息
harm-class-wrong-audience = 收件范围有误
harm-class-wrong-fact = 内容有误
harm-class-other = 其他

recall-path-api = 通过接口撤回
recall-path-guided = 在平台管理后台引导撤回
recall-path-none = 无法撤回，只能补救

permission-broadcast-send = 发送群发消息
permission-broadcast-read = 查看群发消息
permission-content-read = 查看消息内容
permission-content-unmask = 说明理由后打开被遮蔽的消息
permission-recall-request = 申请撤回
permission-recall-read = 查看撤回案件
permission-recall-decide = 审批撤回
permission-recall-execute = 执行引导撤回
permission-recall-halt = 中止执行
permission-user-manage = 管理账号
permission-role-manage = 管理角色
permission-auditor-manage = 管理审计访问
permission-access-manage = 管理登录会话与令牌
permission-connection-manage = 管理平台连接
permission-token-manage = 管理访问令牌
permission-audit-read = 查看审计记录
permission-audit-export = 导出审计记录
permission-evidence-export = 导出证据
permission-hold-manage = 设置与解除诉讼保留
permission-alert-read = 查看告警
permission-alert-acknowledge = 确认告警
permission-alert-rule-manage = 修改告警规则
permission-policy-propose = 提出修改撤回规则
permission-policy-confirm = 确认撤回规则的修改
permission-stream-manage = 管理审计外发
permission-system-read = 查看系统状态
permission-log-read = 获取审计日志的签名与哈希

recall-state-reviewing = 审批中
recall-state-returned = 已退回补充
recall-state-approved = 已批准，待执行
recall-state-executing = 执行中
recall-state-recalled = 已撤回
recall-state-recall-accepted = 平台已受理撤回
recall-state-partly-recalled = 部分撤回
recall-state-failed = 撤回失败
recall-state-rejected = 已驳回
recall-state-withdrawn = 申请已撤销
recall-state-expired = 已过期
recall-state-superseded = 已由他案取代

recall-mode-api = 通过接口
recall-mode-guided = 引导撤回

recall-verb-approve = 同意
recall-verb-return = 退回
recall-verb-reject = 驳回

user-state-invited = 已邀请
user-state-active = 正常
user-state-suspended = 已停用

session-state-second-factor = 待二次验证
session-state-enrolment = 待登记二次验证
session-state-open = 已登录
session-state-closed = 已退出
