package console

import "github.com/linewarden/linewarden/rules"

// problemTexts says each problem in both languages, by its code. What stands for
// %s and the like comes in the same order in both.
var problemTexts = map[string]rules.Text{
	// Who asks, and what they may.
	"login_needed":      {ZH: "请先在 /login 登录，或者随请求发送令牌：Authorization: Bearer lwt_…", EN: "log in at /login, or send a token: Authorization: Bearer lwt_…"},
	"login_failed":      {ZH: "用户名或密码不对，或者失败次数过多；请稍后再试", EN: "name or password is wrong, or too many logins have failed; try again later"},
	"login_locked":      {ZH: "登录失败次数过多；请稍后再试，或请管理员重设密码", EN: "too many logins failed; try again later, or ask an administrator to set a new password"},
	"token_bad":         {ZH: "令牌不存在、已吊销或已过期", EN: "the token is unknown, revoked or expired"},
	"role":              {ZH: "您的角色不允许这样做", EN: "your role does not permit this"},
	"no_unmasked":       {ZH: "您的角色不能查看未脱敏的数据", EN: "your role does not permit unmasked data"},
	"whole_country":     {ZH: "这涉及全国的数据，而您的账号限于部分省份", EN: "this concerns the whole country, and your account is confined to provinces"},
	"prefix_not_yours":  {ZH: "您的省份内没有涵盖该前缀的地址块", EN: "no allocation in your provinces covers the prefix"},
	"csrf":              {ZH: "页面已失效（缺少 CSRF 令牌或令牌不对）；请重新载入", EN: "the CSRF token is missing or wrong; load the page again"},
	"other_site":        {ZH: "请求来自其他网站，已拒绝", EN: "the request comes from another site"},
	"too_many_requests": {ZH: "请求过于频繁；请一秒后再试", EN: "too many requests; try again in a second"},
	// Single sign-on.
	"sign_on_away":     {ZH: "单点登录服务没有应答；请稍后再试，或使用本地账号登录", EN: "the single sign-on does not answer; try again later, or log in with a local account"},
	"sign_on_unproven": {ZH: "无法确认这次单点登录（可能已过期、已用过，或者来自别的浏览器）；请重新登录", EN: "this login is not proven: it may be over, used before, or of another browser; log in again"},
	"sign_on_denied":   {ZH: "单点登录服务拒绝了这次登录", EN: "the single sign-on has refused this login"},
	"sign_on_no_role":  {ZH: "您的身份已经确认，但在本系统中没有角色；请联系管理员为您授权", EN: "you are known, but have no role in this system; ask its administrator for one"},
	"sign_on_full":     {ZH: "正在进行的登录太多；请几分钟后再试", EN: "too many logins are under way; try again in some minutes"},
	// What a request asks for.
	"query":              {ZH: "无法读取查询参数：%s", EN: "the query cannot be read: %s"},
	"parameter":          {ZH: "这里没有参数 %q", EN: "there is no parameter %q here"},
	"parameter_twice":    {ZH: "参数 %s 出现了多次", EN: "%s is given more than once"},
	"parameter_not_text": {ZH: "参数 %s 不是文本", EN: "%s is not text"},
	"unknown_value":      {ZH: "%s：没有 %q 这个值", EN: "%s: there is no %q"},
	"one_of":             {ZH: "%s：%q 不是以下之一：%s", EN: "%s: %q is none of %s"},
	"number":             {ZH: "%s：%q 不是 %d 到 %d 之间的数", EN: "%s: %q is not a number from %d to %d"},
	"time":               {ZH: "%s：%q 既不是 RFC 3339 时间，也不是日期", EN: "%s: %q is neither an RFC 3339 time nor a date"},
	"day":                {ZH: "day：%q 既不是日期，也不是 all", EN: `day: %q is neither a date nor "all"`},
	"span":               {ZH: "%s：时间段为空，或者超过 %d 天", EN: "%s: the span is empty or longer than %d days"},
	"prefix":             {ZH: "%s：%q 既不是前缀，也不是地址", EN: "%s: %q is neither a prefix nor an address"},
	"cursor":             {ZH: "cursor：%q 不属于这个列表，或者列表已有变化；请从头开始", EN: "cursor: %q is none of this list, which may have changed; begin again without it"},
	"too_long":           {ZH: "%s：超过 %d 字节", EN: "%s: it is longer than %d bytes"},
	"line_and_subject":   {ZH: "line：%q 等同于 subject_kind 和 subject，不能与它们同时给出", EN: "line: %q stands for subject_kind and subject, which are given too"},
	"search_text":        {ZH: "q：请输入要查找的内容，至多 %d 字节", EN: "q: say what to look for, in at most %d bytes"},
	"body":               {ZH: "无法读取请求内容：%s", EN: "the body cannot be read: %s"},
	"body_type":          {ZH: "请求内容须为 JSON：Content-Type: application/json", EN: "the body is JSON: Content-Type: application/json"},
	"body_too_large":     {ZH: "请求内容超过 %d 字节", EN: "the body is larger than %d bytes"},
	"form":               {ZH: "无法读取表单", EN: "the form cannot be read"},
	"method":             {ZH: "此处不支持 %s", EN: "%s is not possible here"},
	// What is not there.
	"nothing_here":   {ZH: "这个地址没有内容", EN: "there is nothing at this address"},
	"no_finding":     {ZH: "没有编号为 %q 的线索", EN: "there is no finding %q"},
	"no_line":        {ZH: "没有专线 %q", EN: "there is no line %q"},
	"no_allocation":  {ZH: "那一天没有地址块 %s", EN: "there is no allocation %s on that day"},
	"no_enterprise":  {ZH: "没有企业 %q", EN: "there is no enterprise %q"},
	"no_ledger":      {ZH: "当时没有台账 %q", EN: "there is no ledger %q then"},
	"no_rule":        {ZH: "没有规则 %q", EN: "there is no rule %q"},
	"no_account":     {ZH: "没有这个账号", EN: "there is no such account"},
	"no_manual_page": {ZH: "手册中没有这一页", EN: "the manual has no such page"},
	"no_report":      {ZH: "没有报告 %q；上次启动之前的报告需要重新生成", EN: "there is no report %q; those of before the last start have to be made again"},
	"no_upload":      {ZH: "没有编号为 %q 的上传，或者已过期；请重新上传", EN: "there is no upload %q, or no longer; upload it again"},
	// Cases.
	"changed":           {ZH: "您查看之后，该线索已有变化；请重新查看后再决定", EN: "the finding has changed since you have read it; read it again and decide anew"},
	"stale":             {ZH: "您查看之后，该线索已被他人修改；请重新查看后再决定", EN: "the finding has changed since you have read it; read it again and decide anew (its ETag is another one now)"},
	"if_match_missing":  {ZH: "请说明您看到的是哪个版本：在 If-Match 中给出 ETag，或给出 expected_state", EN: "say which finding you have seen: its ETag in If-Match, or expected_state"},
	"note_missing":      {ZH: "对线索的每一步操作都要写明理由", EN: "every action on a finding needs a note that says why"},
	"note_too_long":     {ZH: "说明至多 %d 字节，经办人至多 %d 字节", EN: "note has at most %d bytes, assignee %d"},
	"action_incomplete": {ZH: "这一步操作不完整或自相矛盾（整改完成时须选择整改方式，其他时候不能选择）", EN: "the action says too little, or contradicts itself"},
	"move_not_possible": {ZH: "线索处于当前状态时不能这样流转", EN: "this move is not permitted"},
	"second_person":     {ZH: "您已经确认过该线索；需要由第二个人确认", EN: "you have confirmed this finding already; a second person has to"},
	"findings_empty":    {ZH: "没有选择任何线索", EN: "findings is empty: name those to act on"},
	"findings_many":     {ZH: "选择了 %d 条线索，一次至多 %d 条", EN: "%d findings are more than %d"},
	"no_basis":          {ZH: "该线索没有保存得出它的事实；规则下次再看到这一迹象时会保存", EN: "the facts of this finding were not kept; it gets them when the rule next sees the signal"},
	"pairs_many":        {ZH: "专线 %s 的地址对超过 %d 个；请缩短时间段", EN: "networks of line %s: more than %d pairs; ask for a shorter span"},
	// Ledgers.
	"upload_busy":           {ZH: "正在读取另一个上传；请几秒后再试", EN: "another upload is being read; try again in some seconds"},
	"upload_type":           {ZH: "请以表单上传文件：Content-Type: multipart/form-data", EN: "the body is a form with files: Content-Type: multipart/form-data"},
	"upload_too_large":      {ZH: "上传超过 %d MiB", EN: "the upload is larger than %d MiB"},
	"upload_unreadable":     {ZH: "无法读取上传的文件：%s", EN: "the upload cannot be read: %s"},
	"upload_empty":          {ZH: "上传中没有文件：请上传 CSV 文件、工作簿，或者包含它们的 zip", EN: "the upload holds no file: send CSV files, a workbook or a zip of them"},
	"upload_errors":         {ZH: "上传的台账有 %d 个错误；请改正后重新上传", EN: "the upload has %d errors; mend them and upload it again"},
	"ledgers_changed":       {ZH: "检查之后又有人导入了台账；请重新检查这次上传", EN: "ledgers were imported since this upload was checked; check it again"},
	"ledger_without_places": {ZH: "这个台账不含地点，而您的账号限于部分省份", EN: "this ledger names no places, and your account is confined to provinces"},
	// Reports, backtests and files.
	"report_busy":    {ZH: "正在生成另一份报告；请等它完成", EN: "a report is being made already; wait until it is done"},
	"report_texts":   {ZH: "接收单位、用途和理由各至多 %d 字节", EN: "recipient, purpose and reason have at most %d bytes each"},
	"report_state":   {ZH: "报告的状态是 %s", EN: "the report is %s"},
	"file_too_large": {ZH: "文件将超过 %d 字节，无法在此生成；请在守护进程所在的机器上使用命令", EN: "the file would be larger than %d bytes; use the command on the machine of the daemon"},
	// Accounts.
	"name_bad":          {ZH: "名称不合要求：1 至 64 个字母或数字，第一个之后可用 . _ @ -", EN: "the name is not good"},
	"name_taken":        {ZH: "已有同名用户", EN: "there is a user of that name"},
	"last_admin":        {ZH: "这是最后一个管理员；请先创建另一个", EN: "this is the last admin; make another one first"},
	"password_weak":     {ZH: "密码不合要求：至少 12 个字符，不能与用户名相同，也不能只有一种字符", EN: "the password is not good"},
	"password_wrong":    {ZH: "密码不对", EN: "the password is wrong"},
	"password_not_here": {ZH: "密码只能由以它登录的人修改；单点登录的密码请在其服务处修改", EN: "a password is changed by who is logged in with it; that of a single sign-on is changed there"},
	"passwords_differ":  {ZH: "两次输入的密码不同", EN: "the two passwords differ"},
	"setup_over":        {ZH: "这个链接无效或已失效；请重新启动守护进程以取得新链接，或使用 linewarden user add", EN: "this link is not good, or good no more; start the daemon again for another one, or use linewarden user add"},
	"this_is_you":       {ZH: "这是您自己；请由另一位管理员删除", EN: "this is you; have another administrator remove you"},
	"token_scope":       {ZH: "请指定用户，或者指定角色（可加省份）", EN: "give either user, or role and perhaps provinces"},
	// What is not the reader's fault.
	"failed":              {ZH: "守护进程出错；详见其日志", EN: "this has failed in the daemon; see its log"},
	"store_away":          {ZH: "数据库没有应答；详见守护进程的日志和 /readyz", EN: "the store does not answer; see the log of the daemon and /readyz"},
	"audit_failed":        {ZH: "审计日志无法写入，因此不做任何操作；详见守护进程的日志", EN: "the audit log cannot be written, and nothing is done without it; see the log of the daemon"},
	"audit_unreadable":    {ZH: "无法读取审计日志；详见守护进程的日志", EN: "the audit log cannot be read; see the log of the daemon"},
	"accounts_unreadable": {ZH: "无法读取账号；详见守护进程的日志", EN: "the accounts cannot be read; see the log of the daemon"},
}

// statusTexts are the titles of problems in Chinese; those in English are the
// phrases of HTTP.
var statusTexts = map[int]string{
	400: "请求有误", 401: "未登录", 403: "没有权限", 404: "没有找到", 405: "不支持的操作", 409: "与当前状态冲突", 412: "已被他人修改", 413: "内容过大",
	415: "格式不支持", 422: "内容不合要求", 428: "缺少前提", 429: "请求过于频繁", 500: "守护进程出错", 502: "上游没有应答", 503: "暂时不可用",
}
