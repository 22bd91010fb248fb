# 可信时间戳
timestamps = 可信时间戳
timestamps-none = 无
timestamps-none-help = 没有第三方证明此材料包的时间，时间只来自本系统的时钟。
timestamps-not-configured = 未配置时间戳机构：没有第三方证明日志的时间
timestamps-not-yet = 尚未取得
timestamps-added = 下载时随包附上，见 signatures 目录
timestamps-added-until = 下载时随包附上，见 signatures 目录；证书有效期至 { $until }
timestamps-renewed = 下载时随包附上，见 signatures 目录；已于 { $time } 续期，有效期至 { $until }
timestamps-revocation-unknown = { $note }。吊销状态无法判断：{ $reason }
revocation-unknown-unnamed = 证书未载明吊销列表的位置，系统也未导入吊销列表
revocation-unknown-unreachable = 未能取得吊销列表
revocation-unknown-unusable = 取得的吊销列表不可用
timestamps-first-end = 最早到期
timestamps-over = 已过期
timestamps-over-count = { $n ->
   *[other] { $n_text } 份时间戳
 }
timestamps-over-help = 证书到期前未能续期，所覆盖的内容只能由之后的时间戳证明
timestamps-sealed-hash = 封存时的 SHA-256
timestamps-newest = { $time }，覆盖 { $size } 条记录
timestamps-refused = { $reason }（已请求 { $n_text } 次，将重试）
timestamps-waiting = { $reason }（将重试）

timestamp-refusal-unreachable = 无法连接时间戳机构，或没有收到完整的答复
timestamp-refusal-settings = 配置有误：根证书或策略无法使用
timestamp-refusal-no-authority = 没有配置可用于续期的时间戳机构
timestamp-refusal-out-of-time = 新时间戳的时间不在待续期时间戳的签发时间与到期时间之间
timestamp-refusal-short-lived = 时间戳机构的证书有效期不长于待续期的时间戳
timestamp-refusal-too-long = 答复过长
timestamp-refusal-malformed = 答复无法读取
timestamp-refusal-status = 时间戳机构拒绝签发
timestamp-refusal-imprint = 时间戳对应的是另一份内容
timestamp-refusal-nonce = 时间戳答复的不是本次请求
timestamp-refusal-policy = 时间戳按未指定的策略签发
timestamp-refusal-signers = 时间戳应有且仅有一个签名者
timestamp-refusal-no-certificate = 时间戳中没有签名者的证书
timestamp-refusal-message-digest = 时间戳的内容与其摘要不符
timestamp-refusal-signature = 时间戳的签名不成立
timestamp-refusal-algorithm = 时间戳使用了不支持的算法
timestamp-refusal-signing-certificate = 时间戳没有指明签名所用的证书
timestamp-refusal-purpose = 签名证书不是时间戳专用证书
timestamp-refusal-validity = 签发时证书不在有效期内
timestamp-refusal-revoked = 时间戳机构的证书已被吊销
timestamp-refusal-not-an-authority = 证书链中有证书无权签发其他证书
timestamp-refusal-extension = 证书带有无法识别的关键扩展
timestamp-refusal-untrusted = 证书不能追溯到受信任的根证书
