# 登录、账号、人员

sign-in-title = 登录撤回有据
sign-in = 登录
notice-recorded = 登录和操作将记录网络地址（IP 与端口）、浏览器与设备特征（平台、语言、时区、屏幕、触控等九项），保存 { $days } 天，且不少于六个自然月。
notice-purpose = 仅用于查明谁在何时何地做了什么，到期清除。脚本关闭时只记录浏览器请求头。

verification-title = 验证身份
verification-submit = 验证并登录
verification-other = 换一个账号
verification-lost = 验证器丢失时，请联系系统管理员和安全管理员，由两人共同重置。

enrolment-title = 绑定身份验证器
enrolment-about = 用身份验证器扫描二维码或输入密钥，再填写它显示的 6 位数字。
enrolment-qr = 供身份验证器扫描的二维码
enrolment-key = 密钥
enrolment-submit = 绑定并登录

setup-title = 初始设置
setup-about = 此链接只能使用一次。您将成为系统管理员，并得到安全管理员和审计管理员的邀请链接。三个管理职责由三个人分担。
setup-submit = 建立账号
setup-done = 账号已建立
setup-links = 请把下列链接分别交给两位同事。链接只显示这一次，72 小时内有效，各用一次。
setup-next = 首次登录时需要绑定身份验证器。
invitation-title = 接受邀请
invitation-about = 此链接只能使用一次。请设置您的账号。

field-username = 账号
hint-username = 小写字母、数字和 . _ - @，2 至 64 个字符
field-display-name = 姓名
field-password-again = 再次输入密码
field-new-password = 新密码
field-new-password-again = 再次输入新密码
hint-new-password = 至少 12 个字符，不含账号；可以是一句话
field-totp = 动态验证码
hint-totp = 身份验证器中的 6 位数字，可粘贴
field-new-totp = 新验证器的动态验证码
field-department = 部门
field-parent = 上级部门
field-roles = 角色
field-valid-until = 有效期至
users-access-day = 当日全天有效，至次日零点失效{ $zone }
field-name = 名称
field-scopes = 权限
field-lang = 界面语言
field-theme = 外观
theme-light = 浅色
theme-dark = 深色
language-zh = 简体中文
language-en = English

error-code-wrong = 验证码不正确或已过期

refusal-too-many = 尝试次数过多，请在 { $minutes } 分钟后再试
refusal-link-stale = 链接不存在、已使用或已过期。请向发出链接的人重新索取。

account-title = 我的账号
account-sessions = 登录中的设备
account-device = 设备
account-address = 网络地址
account-opened = 登录时间
account-seen = 最近使用
account-action = 操作
account-here = 本机
account-revoke = 强制下线
account-session-revoked = 该设备已下线
account-password = 修改密码
account-password-present = 现用密码
account-password-submit = 修改密码
account-password-done = 密码已修改，其他设备已下线
account-second-factor = 身份验证器
account-second-factor-on = 已绑定。登录和每次审批都需要动态验证码。
account-second-factor-replace = 更换身份验证器
account-second-factor-present = 现用验证器的动态验证码
account-second-factor-done = 身份验证器已更换
account-tokens = 个人访问令牌
account-token-new = 新建令牌
account-token-made = 令牌已建立
account-token-once = 令牌只显示这一次，请立即存放到安全的地方。它以您的身份访问接口，审批时仍需动态验证码。
account-token-revoke = 撤销令牌
account-token-revoked = 令牌已撤销
account-token-over = 已失效
account-made = 建立时间
account-ends = 到期
account-preferences = 语言与外观
account-preferences-submit = 保存
account-preferences-done = 已保存
account-as-browser = 跟随浏览器
account-back = 返回我的账号

users-people = 人员
users-department = 部门
users-roles = 角色
users-state = 状态
users-no-role = 暂无角色
users-no-department = 无
users-invite = 邀请人员
users-invite-about = 邀请链接交给本人，由其自行设置账号和密码。角色由安全管理员授予。
users-invited = 邀请链接
users-invited-about = 只显示这一次，72 小时内有效，只能使用一次
users-department-new = 新建部门
users-department-done = 部门已建立
users-second-factor-on = 已绑定身份验证器
users-second-factor-off = 未绑定身份验证器
users-own-roles = 不能修改自己的角色。
users-roles-about = 系统、安全、审计三项管理职责互斥；审批人不能兼任管理员；审计账号只读，不兼任其他角色。
users-roles-submit = 保存角色
users-access = 审计访问
users-access-about = 授予内部或外部审计人员只读访问，到期自动失效。该账号不得兼任其他角色。
users-access-give = 授予访问
users-access-end = 结束访问
users-details = 姓名与部门
users-details-submit = 保存
users-suspend = 停用账号
users-suspend-about = 停用后立即下线，令牌同时失效。记录保留。
users-reinstate = 恢复账号
users-changed = 已保存

users-reset = 重置身份验证器
users-reset-about = 由两人共同重置：系统管理员提出，安全管理员在一天内确认。确认后该人员立即下线，下次登录时重新绑定。请先当面或通过电话核实本人。
users-reset-propose = 提出重置
users-reset-proposed = 已提出重置：
users-reset-confirm = 确认重置
users-reset-waits = 等待安全管理员确认
refusal-reset-not-proposed = 尚未提出重置，或已超过一天
refusal-reset-same-person = 提出和确认不能是同一人
users-search = 查找人员
users-search-label = 姓名或账号
users-on-page = { $n ->
   *[other] 本页 { $n_text } 人
 }
users-none = 没有符合条件的人员
users-none-help = 请核对姓名或账号的写法。
users-order = 按账号排序
personal-title = 个人信息留存
personal-own = 系统留存了我的哪些信息
personal-lead-own = 这里列出系统留存的与您有关的信息、依据和期限（个人信息保护法第十七条、第四十四条、第四十五条）。依法应当保密的不在此列；记录因争议等法定原因可能保存得更久。更正请找系统管理员。
personal-lead = 系统留存的与此人有关的信息、依据和期限，只有数量和时间，没有内容。
personal-kept = 留存的信息
personal-kind = 种类
personal-count = 数量
personal-oldest = 最早
personal-basis = 依据
personal-until = 保存至
personal-erasure = 能否删除
personal-no-date = 无固定期限
personal-recipients = 群发消息的收件人只以平台的编号记录，与本系统的账号不相连，因此不在此列。
personal-holds = 诉讼保留
personal-holds-none = 没有诉讼保留涉及此人的记录。
personal-held = 保留其中 { $n_text } 条记录
personal-records = 审计记录：{ $class }
personal-commitments = 内容已清除的审计记录（只剩承诺与叶）
personal-account = 账号和姓名
personal-roles = 角色
personal-mail-address = 邮箱
personal-sessions = 会话（网络地址、浏览器）
personal-devices = 设备特征
personal-tokens = 个人令牌
personal-passkeys = 通行密钥
personal-recovery-codes = 恢复码
personal-invitations = 邀请
personal-searches = 已保存的检索
personal-exports = 审计记录的导出任务
personal-notices = 案件通知
personal-broadcasts = 发送的群发消息
personal-requests = 提出的撤回申请
personal-decisions = 作出的审批意见
personal-attachments = 上传或确认的附件
personal-holds-placed = 经办的诉讼保留
personal-audits = 设立的审计项目
personal-questions = 审计问询
personal-packs = 申请生成的审计资料包
personal-alert-rules = 修改的告警规则
personal-policies = 经办的撤回规则修改
personal-alerts = 有关的告警
personal-alerts-acknowledged = 确认的告警
personal-basis-duty = 法定义务：网络日志留存（网络安全法）、处理记录（个人信息保护法第十三条第三项）
personal-basis-work = 依规章管理账号所必需（个人信息保护法第十三条第二项）
personal-basis-claims = 证明处理经过和依据（民法典第一百八十八条）
personal-erasure-due = 到期自动清除
personal-erasure-own = 本人可随时自行删除
personal-erasure-account = 停用账号后只留姓名，用以说明审批意见由谁作出
personal-erasure-contents = 内容期满抹除；经办人、时间和结果保留
personal-erasure-never = 不删除：须能证明由谁、依据什么作出
personal-no-time = 不适用

# 部门
nav-departments = 部门
departments-count = { $n ->
   *[other] 共 { $n_text } 个部门
 }
departments-has = { $n ->
   *[other] { $n_text } 人
 }
departments-people = 本部门人数
departments-people-below = 含下级人数
departments-reviewers = 部门复核人
departments-nobody = 无人复核
departments-unreviewed = { $n ->
   *[other] { $n_text } 个部门没有部门复核人
 }
departments-unreviewed-help = 这些部门发出的消息无法通过第一级复核，撤回案件将无法裁定。请由安全管理员在本部门或上级部门指定部门复核人。
departments-none = 还没有部门
departments-none-help = 部门复核人只能复核本部门及下级部门的案件，请先建立部门，再安排人员。
departments-closed = 已关闭的部门
departments-is-closed = 已关闭
departments-members = 部门人员
departments-no-people = 部门中没有人员。
departments-all-people = 查看全部人员
departments-details = 名称与上级部门
departments-close = 关闭部门
departments-close-about = 部门中没有在用账号和未接受的邀请、没有下级部门、没有未结案件时才能关闭。过往记录中的部门名称保留。
departments-closed-done = 部门已关闭
error-parent-cycle = 不能移到本部门或其下级部门之下
refusal-department-closed = 部门已关闭
refusal-department-people = 部门中还有 { $count } 个账号或未接受的邀请，请先转到其他部门
refusal-department-below = 还有 { $count } 个下级部门，请先移走或关闭
refusal-department-cases = 还有 { $count } 件未结案件，结案后才能关闭

# 会话与令牌
nav-sessions = 登录会话
nav-tokens = 访问令牌
access-sessions-about = 正在登录的人员、设备与网络地址。强制下线立即生效，须写明理由。
access-open = 正在登录
access-person = 人员
access-none = 没有符合条件的会话
access-none-help = 此人目前没有登录，或会话已经结束。
access-all = 查看全部会话
access-order = 按登录时间，最近的在前
access-end-all = 此人全部下线
access-end-all-about = 结束此人的全部会话。结束自己的会话时，保留当前这一个。
access-of-person = 此人的登录会话
access-ended = { $n ->
   *[other] 已结束 { $n_text } 个会话
 }
field-access-reason = 理由
hint-access-reason = 5 至 500 字，将写入审计记录
tokens-about = 所有人员和服务正在使用的访问令牌。令牌内容只在建立时显示一次。
tokens-none = 没有访问令牌
tokens-none-help = 个人令牌由本人在「我的账号」中建立；服务令牌由系统管理员在本页建立。
tokens-make = 建立服务令牌
tokens-make-about = 供程序以服务身份调用接口，不代表任何人，也不能审批。只勾选确实需要的范围，并设到期日期。
field-token-ends = 到期日期
hint-token-ends = 当日结束时失效；不填则长期有效
error-token-ends-future = 请选择今天或以后的日期
account-token-back = 返回
tokens-owner = 所属
tokens-service = 服务令牌
tokens-never-used = 从未使用
tokens-no-end = 长期有效
tokens-over = 已到期
tokens-endless = 未设到期
tokens-unused = 90 天未使用
tokens-order = 按建立时间，最近的在前
users-any = 不限
users-unused = 90 天未登录
users-signed-in = 上次登录
users-never-signed-in = 从未登录
