# 请求被拒绝时的说明
error-type = 类型不对，应为{ $wanted ->
    [text] 文字
    [list] 列表
    [object] 对象
    [flag] true 或 false
   *[number] 整数
 }
error-json = 不是有效的 JSON 对象
error-base64 = 不是有效的 Base64 编码

fault-disk-full = 磁盘已满，本次操作没有写入任何内容。请联系系统管理员清理后再试。
fault-behind-title = 系统目前只读
fault-behind = 数据库由备份恢复，落后于日志已签名的内容，现在只能查阅，不能写入。请系统管理员以 countermand ledger renew 启用新日志后再继续。
refusal-idempotency-key = 幂等键（Idempotency-Key）须为 1 至 255 个可见 ASCII 字符
refusal-idempotency-other = 该幂等键已用于内容不同的请求
refusal-idempotency-running = 同一请求正在处理，请稍后以同一幂等键重试

# 规则说「不」时的理由
refusal-not-reviewing = 案件已不在审批中，不能再作决定。
refusal-changed-meanwhile = 您打开页面之后，案件有了变化。请核对后重新决定。
refusal-past-cut-off = 已过最晚有效时刻，撤回窗口即将或已经关闭。
refusal-level-not-open = 这一级现在不能审批。
refusal-not-a-person = 只有人员本人可以作决定，服务令牌不能。
refusal-role-not-for-level = 您的角色不能在这一级审批。
refusal-administrators-do-not-decide = 管理员不参与审批。
refusal-other-department = 该案件不属于您的部门。
refusal-own-request = 不能审批本人的申请。
refusal-decided-at-another-level = 您已在另一级作过决定，三级须由三人分别决定。
refusal-halted = 执行已被中止，不能同意。请先查明原因。
refusal-not-open = 案件已进入执行或已经了结，不能撤销申请。
refusal-not-the-requester = 只有申请人可以撤销申请。
refusal-not-returned = 案件没有被退回，不需要重新提交。
refusal-not-the-requester-resubmitting = 只有申请人可以重新提交。
refusal-past-cut-off-resubmitting = 已过最晚有效时刻，重新提交已来不及。
refusal-nothing-to-expire = 案件已经了结，没有可过期的内容。
refusal-not-yet-expired = 尚未到期。
refusal-nothing-to-halt = 没有可中止的执行。
refusal-not-approved = 案件尚未通过三级复核，不能执行。
refusal-not-three-people = 三级决定不是由三个不同的人作出，不能执行。
refusal-window-closed = 撤回窗口已经关闭，不能执行。
refusal-halted-before-start = 执行开始之前已被中止。
refusal-not-executing = 案件不在执行中。
refusal-window-closed-before-call = 调用平台之前，撤回窗口已经关闭。
refusal-halted-before-call = 调用平台之前，执行已被中止。
refusal-already-answered = 平台已经答复，不再重复调用。
refusal-not-guided = 此案件不是引导撤回，不需要上传截图。
refusal-no-capture = 还没有上传操作截图，不能确认。
refusal-own-capture = 不能确认本人的操作，须由另一人确认。
refusal-own-request-confirming = 申请人不能确认执行结果。
refusal-own-order-confirming = 不能确认本人下令撤回的执行结果，须由另一人确认。
refusal-nothing-to-finish = 没有正在执行的撤回。
refusal-account-suspended = 账号已停用。
refusal-already-imported = 这些消息已经登记过。
refusal-base-url = 平台地址不被接受。
refusal-credentials = 账号、密码或验证码不正确。
refusal-enrolment-stale = 登记页面已过期，请重新开始。
refusal-last-administrator = 这是该类管理员中的最后一人，不能停用或改动。
refusal-no-second-factor = 尚未登记二次验证。
refusal-auditor-elsewhere = 审计访问由审计管理员授予和结束。
refusal-auditor-other-roles = 该账号持有其他角色，审计账号不得兼任。请先由安全管理员移除其他角色。
refusal-no-audit-access = 该账号没有审计访问。
refusal-connection-off = 平台连接已停用，无法调用。
refusal-own-account = 不能对本人账号进行此操作。
refusal-platform-read = 平台没有返回所需的内容。
refusal-session-over = 登录已过期，请重新登录。
refusal-step-up-locked = 验证码连续有误，请在 { $time }后再试。
