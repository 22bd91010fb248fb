# 表单：通用提示与错误

form-errors = 有 { $n_text } 项需要修改，尚未提交
form-optional = 选填

error-required = 请填写此项
error-choice = 请选择一项
error-conflict = 情况已有变化，请核对后重新提交
error-text-required = 请填写此项
error-text-too-short = 至少 { $min } 字，现为 { $now } 字
error-text-too-long = 最多 { $max } 字，现为 { $now } 字
error-text-control = 含有无法识别的字符，请删去后重新填写

field-account = 账号
field-password = 密码
field-otp = 动态验证码
field-reason = 情况说明
hint-otp = 身份验证器中的 6 位数字，可粘贴
