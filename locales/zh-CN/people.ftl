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
