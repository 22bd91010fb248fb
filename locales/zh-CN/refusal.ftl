# 请求被拒绝时的说明
error-too-short = 至少 { $min } 字
error-too-long = 最多 { $max } 字
error-control = 含有无法识别的字符，请删去后重新填写
error-choose = 请选择一项
error-type = 类型不对，应为{ $wanted ->
    [text] 文字
    [list] 列表
    [object] 对象
    [flag] true 或 false
   *[number] 整数
 }
error-unknown = 没有这一项
error-json = 不是有效的 JSON 对象

fault-disk-full = 磁盘已满，本次操作没有写入任何内容。请联系系统管理员清理后再试。
refusal-idempotency-key = 幂等键（Idempotency-Key）须为 1 至 255 个可见 ASCII 字符
refusal-idempotency-other = 该幂等键已用于内容不同的请求
refusal-idempotency-running = 同一请求正在处理，请稍后以同一幂等键重试
