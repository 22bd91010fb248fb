# 人员的管理：邀请
invitations-title = 未接受的邀请
invitations-count = { $n ->
   *[other] { $n_text } 份邀请待接受
 }
invitations-about = 接受后即从此处移除
invitations-for = 受邀人
invitations-unnamed = 未填写
invitations-by = 邀请人
invitations-by-setup = 初始设置
invitations-until = 有效至
invitations-open = 待接受
invitations-expired = 已过期
invitations-again = 重新发送
invitations-again-about = 重新发送会生成新链接，原链接随即失效。
invitations-revoke = 撤销邀请
invitations-revoked = 邀请已撤销，链接已失效
invitations-mailed = 邀请链接将发送至 { $address }
invitations-went-before = 此表单已提交过，邀请已发出。链接只显示一次，如未看到，请在下方重新发送
invitations-more = 仅列出最近的邀请，更早的未列出。
invitations-none = 没有未接受的邀请
invitations-none-help = 发出的邀请在接受之前列在这里。
invitation-mail-none = 链接已显示一次
invitation-mail-waiting = 邮件待发送
invitation-mail-sent = 已发送邮件
invitation-mail-failed = 邮件未送出
invitation-mail-subject = 【撤回有据】邀请您加入
invitation-mail-head = 系统管理员邀请您加入撤回有据。请通过下面的链接设置账号和密码。
invitation-mail-open = 设置账号
invitation-mail-foot = 此链接只能使用一次，请勿转发。若您不知情，请忽略此邮件。
field-invitation-name = 受邀人姓名
hint-invitation-name = 便于在邀请列表中辨认，本人接受时可更改
field-invitation-address = 受邀人邮箱
hint-invitation-address = 已配置邮件服务器时，链接发送至此邮箱；留空则链接只显示一次
error-invitation-address-not-an-address = 邮箱地址格式有误
refusal-invitation-over = 此邀请已被接受或撤销
refusal-invitation-role = 此邀请所含角色应由安全管理员授予，不能由系统管理员重新发出

# 停用前后：此人名下的事项
users-suspend-look = 查看待办并停用
users-suspended = 账号已停用
duties-title = 此人名下的事项
duties-about = 只列编号和时限，不含内容
duties-none = 没有案件或事项在等待此人。
duties-what = 此人的环节
duties-due = 剩余时间
duties-no-end = 无截止时间
duties-others = 可由他人办理
duties-nobody = 无人可接替
duties-no-need = 不需接替
duties-others-count = { $n ->
   *[other] 另有 { $n_text } 人
 }
duties-levels = 此人可复核的级别
duties-stranded = 停用后有环节无人可接替
duties-stranded-help = 请先由安全管理员指定接替的人员，或请此人先办结、撤销自己的申请。
duties-confirm = 确认停用
duties-told = 等待中的案件将再次通知其他可办理的人员。
duties-back = 返回
duties-more = 未结案件较多，以上只是其中一部分。
duties-holds = { $n ->
   *[other] { $n_text } 项由此人提出的诉讼保留正等待第二人确认
 }
duties-filings = { $n ->
   *[other] { $n_text } 份自行撤回备案尚无人核对
 }
duties-steps = { $n ->
   *[other] { $n_text } 项补救措施由此人负责
 }
duties-questions = { $n ->
   *[other] { $n_text } 个审计问询等待此人答复
 }
duties-proposal = 此人提出的撤回规则修改正等待确认
duty-request = 申请人
duty-returned = 申请人，待补充后重新提交
duty-asked = 申请人，待答复复核人
duty-carry-out = 在平台后台撤回
duty-confirm = 确认撤回结果
duty-captured = 已上传截图
refusal-duties-unseen = 此人名下的事项有变化，请核对下列事项后再确认停用


# 后台任务与备份
jobs-by-kind = 后台任务
jobs-kind = 任务
jobs-waiting = 等待
jobs-running = 执行中
jobs-failed = 失败待重试
jobs-oldest = 最早建立
jobs-next = 下次执行
jobs-none = 没有未完成的任务
jobs-none-help = 任务完成后即从此处移除。
jobs-failed-ones = 失败的任务
jobs-failed-about = 失败的任务会自动重试，间隔不超过一分钟
jobs-attempts = 已尝试
jobs-made = 建立时间
jobs-why = 上次失败的原因
jobs-retry = 立即重试
jobs-retried = 已安排立即重试
jobs-more = 仅列出最早的 100 个。
job-send-broadcast = 发送群发消息
job-check-import = 核对导入文件
job-apply-import = 写入导入内容
job-execute-recall = 执行撤回
job-expire-recall = 撤回截止
job-send-correction = 发送强制覆盖的更正消息
job-escalate-level = 审批超时升级
job-lapse-ratification = 追认到期
job-send-delegation = 告知委托
job-close-case = 结案
job-tell-people = 确定通知对象
job-send-notice = 发送案件通知
job-send-invitation = 发送邀请邮件
job-tell-of-alert = 确定告警对象
job-send-alert = 发送告警邮件
job-seal-evidence = 封存材料包
job-timestamp-checkpoint = 为检查点申请时间戳
job-timestamp-bundle = 为材料包申请时间戳
job-renew-timestamps = 续期时间戳
job-verify-newest = 校验最新记录
job-verify-log = 校验全部记录
job-apply-retention = 清除到期记录
job-make-audit-pack = 生成审计资料包
job-watch-certificate = 检查证据签名证书
job-retire-key = 停用到期密钥
refusal-job-done = 任务已经完成
refusal-job-running = 任务正在执行
refusal-job-not-failed = 任务没有失败，到时会自动执行
backup-last = 备份
backup-taken = 最近一次备份
backup-size = 文件大小
backup-verified = 回读校验
backup-whole = 通过，内容与清单一致
backup-broken = 未通过，请重新备份
backup-none = 从未备份
backup-failed = 其后失败于
backup-failed-help = 原因见执行备份的命令行输出
backup-overdue = 已超过 7 天没有备份
backup-overdue-help = 请在服务器上运行 countermand backup，并把文件存放到另一台机器。

# 按名单邀请
newcomers-title = 按名单邀请
newcomers-lead = 上传 CSV 名单，先逐行核对，确认后一次全部发出邀请
newcomers-table = 上传名单
newcomers-columns = 第一行为列名：姓名（必填）、邮箱、部门、角色。角色以顿号分隔，只能为空或「申请人」；其他角色由安全管理员授予。
newcomers-file-hint = { $n ->
   *[other] CSV 文件，每次不超过 { $n_text } 人
 }
newcomers-check = 核对名单
newcomers-report = 核对结果
newcomers-line = 行
newcomers-result = 结果
newcomers-line-good = 可邀请
newcomers-good = { $n ->
   *[other] { $n_text } 人均可邀请
 }
newcomers-wrong = { $n ->
   *[other] { $n_text } 行有误
 }
newcomers-nothing-done = 尚未发出任何邀请。请改正名单后重新上传。
newcomers-confirm = 确认邀请
newcomers-confirm-about = 确认时将再次核对，只要有一行不符，就一份也不发出。
newcomers-confirm-count = { $n ->
   *[other] 邀请这 { $n_text } 人
 }
newcomers-done = 邀请已发出
newcomers-shown = 邀请链接
newcomers-mailed = 以邮件发送
field-newcomers-file = 名单文件
field-newcomers-name = 姓名
field-newcomers-address = 邮箱
field-newcomers-department = 部门
field-newcomers-roles = 角色
error-newcomers-address-not-an-address = 邮箱地址格式有误
error-too-many-people = 名单过长，每次不超过 { $max } 人
error-bad-row = 第 { $line } 行无法读取
error-unknown-column = 不认识或重复的列「{ $name }」
error-no-name-column = 缺少「姓名」列
error-newcomers-address-twice = 与第 { $line } 行的邮箱相同
error-invited-already = 此邮箱已有待接受的邀请
error-has-account = 此邮箱已属于一个账号
error-no-such-department = 没有这个部门，或已关闭
error-no-such-role = 没有「{ $role }」这个角色
refusal-sheet-stale = 核对结果已失效，请重新上传名单
refusal-sheet-done = 这份名单已经发出过邀请
refusal-sheet-changed = 核对之后情况有变化，没有发出任何邀请，请重新上传名单
