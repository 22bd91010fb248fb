# 错误页

fault-home = 返回总览
fault-id = 请求编号
fault-retry = 请在 { $time }后再试。

fault-400 = 无法理解这次请求
fault-400-help = 请求不完整或格式有误。请返回上一页重新操作。
fault-401 = 请先登录
fault-401-help = 此处需要登录，或登录已经过期。
fault-403 = 没有权限
fault-403-help = 您的角色不能进行此操作。如确有需要，请联系安全管理员。
fault-404 = 找不到此页
fault-404-help = 地址有误，或者您无权查看其内容。
fault-405 = 不支持这种访问方式
fault-405-help = 此地址不能这样访问。请从页面上的链接或按钮进入。
fault-406 = 无法按所要求的格式应答
fault-406-help = 这里没有您所接受的格式。请改为请求 application/json。
fault-409 = 情况已有变化
fault-409-help = 他人刚刚作了处理，或当前状态不再允许此操作。请重新打开页面核对。
fault-413 = 提交的内容过大
fault-413-help = 请减少内容后重新提交。单个文件不超过 10 MB，一次提交合计不超过 20 MB。
fault-415 = 不支持这种格式
fault-415-help = 请求体的格式不是此地址所支持的。
fault-422 = 无法按此处理
fault-422-help = 内容读得懂，但不符合规则。请返回修改后重新提交。
fault-429 = 操作过于频繁
fault-429-help = 为保护账号与系统，暂缓处理您的请求。
fault-500 = 系统出错
fault-500-help = 此次操作没有完成，也没有写入任何内容。请稍后再试，仍不成功时将请求编号告知系统管理员。
fault-503 = 暂时无法服务
fault-503-help = 系统正忙或正在启动。

fault-csrf = 页面停留过久或登录状态已变化，为防止他人冒用，本次提交未被接受。请返回上一页，刷新后重新提交。
fault-origin = 此次提交来自其他网站，未被接受。
fault-file-too-large = 文件过大，没有上传。单个文件不超过 10 MB，一次提交合计不超过 20 MB。
fault-field-too-large = 文字过长，没有提交。请删减后重试。
fault-read-only = 只读审计账号不能进行此操作，此次尝试已写入审计记录。
fault-csrf-title = 本次提交未被接受
fault-origin-title = 本次提交未被接受
fault-kept = 您填写的内容已保留，没有丢失：
fault-again = 再次提交
fault-token = 缺少有效的访问令牌，或令牌已失效。
fault-service-decides = 服务令牌不能审批。审批须由本人使用个人令牌，并附新的动态验证码。
