demo-title = 演示环境的账号
demo-lead = 仅在演示中存在。验证码每 30 秒更换一次，每个验证码只能使用一次；刷新本页可取得新的验证码。
demo-inbox = 收件人看到的消息
demo-code = 当前验证码
