-- One message through a filter, for miltertest(8).
-- FILTER, CONF and SOCK say what to start; CASE is a Lua file that returns a table:
--   host, address   the client            macros    name-value pairs, sent with MAIL
--   recipients      envelope addresses    fields    {name, value} pairs, top to bottom
--   body            text                  answers   step -> expected reply (default: go on)
--   check           function(conn), called at the end; it raises an error where something is wrong

local case = dofile(CASE)
local answers = case.answers or {}

local function step(name, failure, conn)
	if failure ~= nil then error(name .. ": " .. failure) end
	local expected = answers[name] or SMFIR_CONTINUE
	local given = mt.getreply(conn)
	-- a filter that needs no more of the body may say so
	if name == "body" and given == SMFIR_SKIP then given = expected end
	if given ~= expected then
		error(string.format("%s: reply %q, expected %q", name, string.char(given), string.char(expected)))
	end
	return expected ~= SMFIR_CONTINUE
end

local function exchange(conn)
	if case.connect_macros then mt.macro(conn, SMFIC_CONNECT, table.unpack(case.connect_macros)) end
	local client = mt.conninfo(conn, case.host or "localhost", case.address or "127.0.0.1")
	if step("connect", client, conn) then return end
	mt.macro(conn, SMFIC_MAIL, "i", "job1", table.unpack(case.macros or {}))
	if step("mail", mt.mailfrom(conn, "<sender@example.com>"), conn) then return end
	for _, recipient in ipairs(case.recipients or {"<bob@receiver.example>"}) do
		if step("recipient", mt.rcptto(conn, recipient), conn) then return end
	end
	for _, field in ipairs(case.fields) do
		if step("field", mt.header(conn, field[1], field[2]), conn) then return end
	end
	if step("end of header", mt.eoh(conn), conn) then return end
	if step("body", mt.bodystring(conn, case.body or "Hello\r\n"), conn) then return end
	answers["end"] = answers["end"] or SMFIR_ACCEPT
	step("end", mt.eom(conn), conn)
end

mt.startfilter(FILTER, "-x", CONF, "-p", SOCK)
local conn = mt.connect(SOCK, 100, 0.1)
if conn == nil then error("no connection to the filter") end
exchange(conn)
if case.check then
	local fine, why = pcall(case.check, conn)
	if not fine then mt.echo(why) error(why) end
end
mt.disconnect(conn)
