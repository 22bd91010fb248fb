## 电子数据固定报告（案件材料包中的 report.html）

printed-title = 电子数据固定报告
printed-number = 编号 { $number }
printed-foot = 材料清单 SHA-256 { $digest }
printed-page = 第 { $page } 页，共 { $pages } 页
printed-nothing = 无记录
printed-and = { $one }，{ $two }
printed-quoted = 「{ $text }」

printed-basis = 一、基本情况
printed-case = 案件编号
printed-cause = 案由
printed-reason = 情况说明
printed-rule = 申请依据
printed-requester = 申请人
printed-channel = 消息渠道
printed-sent = 发送时间
printed-sent-source-request = 以请求时间计
printed-sent-source-platform-date = 以平台应答时间计
printed-sent-source-platform = 以平台所报时间计
printed-sent-source-imported = 以导入资料所载计
printed-sent-source-reported = 以上报人所述计
printed-state = 案件结果
printed-purpose = 提取用途
printed-kind-archive = 结案时由系统自动固定归档
printed-kind-export = 未载明
printed-operator = 经办
printed-operator-user = 账号
printed-operator-token = 服务令牌
printed-operator-job = 系统任务
printed-operator-system = 系统
printed-operator-shell = 服务器命令行
printed-made-at = 出具时间
printed-scope = 提取范围
printed-scope-said = 审计事件 { $events } 条（第 { $first } 号至第 { $last } 号中与本案有关者），收件人 { $recipients } 名，平台调用 { $calls } 次
printed-left-out = 未纳入内容
printed-left-out-said = { $count } 项，逐项理由见第九节

printed-source = 二、来源系统
printed-product = 产品与版本
printed-deployment = 部署标识
printed-system = 运行环境
printed-clock = 时间来源
printed-clock-said = { $source ->
        [server] 服务器时钟
       *[other] { $source }
    }，当地时间按 { $zone }

printed-conclusion = 三、固定与核对
printed-finding = 固定方式
printed-finding-said = 所附每条记录均有直至已签名日志检查点的包含证明，改动任何一字即与证明不符；相符与否，以核对结果为准
printed-object = 固定对象
printed-object-said = { $files } 个文件，{ $size }，清单见第八节
printed-digest = 材料清单 SHA-256
printed-fixed = 固定时刻
printed-stamped = 日志检查点由 { $authority } 于 { $time } 加盖时间戳；材料包签名的时间戳见 signatures 目录
printed-unstamped = { $time }，以服务器时钟为准；日志检查点未加盖第三方时间戳
printed-check = 核对条件
printed-check-said = coreutils、OpenSSL 3.0，不需联网，不需本系统
printed-how = 任何人都可以按所附 VERIFY.zh-CN.md 的命令独立核对。本报告与所附文件不一致时，以所附文件为准。
printed-proves = 本报告证明系统所记录的内容及其先后，不证明消息进入系统之前的情况，也不证明账号背后是何人。其他局限见第十节。
printed-sign-operator = 经办人签名
printed-sign-witness = 见证人签名
printed-sign-date = 日期
printed-sign-giver = 移交人签名
printed-sign-taker = 接收人签名

printed-course = 四、事实经过
printed-time = 时间
printed-who = 人员与角色
printed-fact = 事实
printed-index = 日志序号
printed-reading-none = 平台不提供已读情况
printed-reading = 已读 { $read } 人，未读 { $unread } 人
printed-became = 结果
printed-course-rest = 本表略去查阅正文、发送通知与导出等事件，全部事件见 events.csv。

printed-approvals = 五、三级审批
printed-column-level = 级别
printed-level-1 = 一级（部门复核）
printed-level-2 = 二级（法务合规复核）
printed-level-3 = 三级（终审）
printed-decision = 决定
printed-comment = 审批意见
printed-decided-at = 时间与身份验证
printed-origin = 地址与设备
printed-method-totp = 动态验证码
printed-method-passkey = 通行密钥
printed-behalf = 受 { $name } 委托
printed-purged = 已按保存期限清除
printed-separate = 三级均由不同人员同意，申请人未参与决定；每次决定均当场验证身份。
printed-not-three = 本案没有取得三级不同人员的同意，经过见第四节。

printed-results = 六、撤回结果与已读情况
printed-what = 项目
printed-value = 情况
printed-people = 人数
printed-recipients = 收件人总数
printed-taken = 平台受理发送
printed-read = 出具时的已读情况
printed-read-before = 下令撤回之前已读且时间已知
printed-outcome = 撤回结果
printed-outcome-confirmed = 平台确认已撤回
printed-outcome-accepted = 平台已受理撤回
printed-outcome-unknown = 无法判断
printed-outcome-still-visible = 已降级，仍可见
printed-outcome-failed = 撤回失败
printed-outcome-none = 未执行撤回
printed-accepted-means = 「平台已受理」指平台应答成功而未提供逐人读回，不等于已从每台设备移除。
printed-unknown-means = 「不详」不等于未读：平台未提供已读情况的，一律记为不详。

printed-integrity = 七、完整性
printed-log = 审计日志
printed-tree = RFC 6962 哈希树，{ $size } 条，本案事件的包含证明 { $proofs } 份，树根如下
printed-log-key = 日志公钥
printed-second-key = 第二签名
printed-signer = 签名证书
printed-certificate = 序列号、有效期与指纹
printed-unsigned = 无，理由见第十节
printed-profile = 密码算法
printed-profile-gm = 国密（gm）：除上述签名外，另以 SM3 列出 data/ 下全部文件的摘要，并以 SM2 签名（用户标识 1234567812345678）
printed-profile-unsigned = 系统设置要求采用国密（gm）：已以 SM3 列出 data/ 下全部文件的摘要，但没有 SM2 签名，理由见第十节
printed-signer-sm2 = SM2 签名证书
printed-certificate-sm2 = SM2 证书序列号、有效期与指纹
printed-anchors = 日志的可信时间戳
printed-anchor = { $authority }，{ $time }，对应日志前 { $size } 条
printed-no-anchors = 无：没有第三方证明日志在某一时刻的状态

printed-files = 八、文件清单
printed-files-how = 每页页脚的「材料清单 SHA-256」即下列各行的摘要，可在材料包目录内用以下命令重算：
printed-file = 文件
printed-bytes = 字节
printed-sha256 = SHA-256

printed-withheld = 九、未纳入内容及理由
printed-what-withheld = 内容
printed-why = 理由
printed-why-content-permission = 导出人无权读取正文
printed-why-purged = 已按保存期限清除
printed-why-erased = 已依法删除
printed-why-key-lost = 备份恢复后缺少其密钥
printed-why-missing = 缺失，日志未载明理由

printed-limits = 十、证据的局限

printed-rules = 十一、当日适用的审批规则
printed-policy = 制度
printed-policy-said = { $id }，第 { $version } 版
printed-levels = 审批人数
printed-levels-said = 三级，不同人员不少于 { $count } 名
printed-budget = 本类危害每级时限
printed-reserve = 为执行预留
printed-cut-off = 审批最迟
printed-windows = 采用的撤回窗口

printed-attachments = 十二、附件
printed-kind = 类别
printed-kind-original = 原件
printed-kind-screenshot = 截图
printed-kind-capture = 操作取证
printed-name = 名称
printed-uploaded = 上传时间
printed-not-in = 未纳入

printed-hand-over-notary = 附一、移交单（公证机构）
printed-hand-over-examiner = 附二、移交单（司法鉴定机构）
printed-hand-over-bundle = 材料包编号
printed-hand-over-zip = 材料包 ZIP 的 SHA-256（见同名 .sha256 文件）
printed-hand-over-medium = 载体名称、型号与序列号
printed-hand-over-condition = 封存状况与封条编号
printed-hand-over-to = 接收机构与接收人
printed-hand-over-reference = 受理编号
printed-hand-over-checked = 当面核对
printed-hand-over-boxes = □ ZIP 摘要一致　□ 按 VERIFY.zh-CN.md 核对通过　□ 载体已封存
printed-hand-over-when = 移交时间与地点
printed-hand-over-note = 封存之后的经过无法写入材料包，请将本页与材料包一并保存。
