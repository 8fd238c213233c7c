"""The template, the style and the script of the page that shows a plan."""
# ruff: noqa: E501  markup reads best in its own lines

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --old: #c0392b; --new: #1e8449; --link: #2471a3; }
@media (prefers-color-scheme: dark) { :root { --old: #ec8a80; --new: #7fd69b; --link: #85c1e9; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.lines { width: 100%; } .lines td { overflow-wrap: anywhere; white-space: pre-wrap; }
.lines .n, .lines .key, .lines .field { white-space: nowrap; width: 1%; }
.lines .key { max-width: 18rem; overflow: hidden; text-overflow: ellipsis; }
del { color: var(--old); } ins { color: var(--new); text-decoration: none; font-weight: 600; }
.none { opacity: .5; } a { color: var(--link); }
form { position: sticky; top: 0; background: Canvas; padding: .6rem 0; display: flex; gap: .8rem; flex-wrap: wrap; z-index: 1; }
form[hidden] { display: none; }
select, input { font: inherit; padding: .2rem .4rem; } input { flex: 1; min-width: 12rem; max-width: 24rem; }
summary { cursor: pointer; font-size: 1.1rem; font-weight: 600; margin: 1.5rem 0 .5rem; }
code { background: var(--soft); padding: .1rem .3rem; border-radius: .2rem; overflow-wrap: anywhere; }
@media print { form { display: none; } }
"""

SCRIPT = """
const form = document.querySelector("form"), rows = [...document.querySelectorAll("tr[data-field]")];
function filter() {
  const field = form.field.value, text = form.text.value.toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const fits = (!field || row.dataset.field === field) && (!text || row.textContent.toLowerCase().includes(text));
    row.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").textContent = shown.toLocaleString("en") + " lines";
}
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
"""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{{ digest }}'">
<meta name="referrer" content="no-referrer">
<title>{{ title }}</title>
<style>STYLE</style>
</head>
<body>
<p>{{ head }}</p>
<h1>{{ verdict }}</h1>
{% if forecast %}
<p>{{ forecast }}</p>
{% endif %}
{% if kinds %}
<div class="wide"><table>
<tr><th>Records</th>{% for kind in kinds %}<th class="n">{{ kind }}</th>{% endfor %}</tr>
{% for entity, counts in records.items() %}
<tr><td>{{ entity }}</td>{% for kind in kinds %}<td class="n">{{ counts.get(kind, 0) | number }}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
{% endif %}
{% if fields %}
<h2>Fields that change</h2>
<div class="wide"><table>
{% for name, count in fields %}
<tr><td>{{ name }}</td><td class="n">{{ count | number }}</td></tr>
{% endfor %}
</table></div>
{% endif %}
<form{% if not fields %} hidden{% endif %}>
<select name="field" aria-label="Only this field">
<option value="">all fields</option>
{% for name, count in fields %}
<option>{{ name }}</option>
{% endfor %}
</select>
<input name="text" type="search" placeholder="key or value" aria-label="Only lines with this text" autocomplete="off">
<span id="shown"></span>
</form>
{% for kind, title, count, hidden, found in sections %}
<details{% if kind not in ("create", "upload") %} open{% endif %}>
<summary>{{ title }} ({{ count | number }})</summary>
<div class="wide"><table class="lines">
{% if kind in ("blocked", "invalid") %}
<tr><th class="n">row</th><th>record</th><th>why</th></tr>
{% elif kind == "delete" %}
<tr><th class="n">row</th><th>record</th><th>of</th><th>name</th><th>id</th></tr>
{% else %}
<tr><th class="n">row</th><th>record</th><th>field</th>{% if kind not in ("create", "upload") %}<th>old</th>{% endif %}<th>new</th></tr>
{% endif %}
{% for lines in found %}
{% for line in lines %}
<tr data-field="{{ line.entity }}.{{ line.field }}">
<td class="n">{{ line.row or "" }}</td>
<td class="key">{% if link(line) %}<a href="{{ link(line) }}">{{ line.key | value }}</a>{% else %}{{ line.key | value }}{% endif %}</td>
{% if kind in ("blocked", "invalid") %}
<td>{{ line.message | value }}</td>
{% elif kind == "delete" %}
<td>{{ line.entity | value }}</td>
<td>{{ line.old | value }}</td>
<td>{{ line.record_id | value }}</td>
{% else %}
<td class="field">{{ line.field | value }}</td>
{% if kind not in ("create", "upload") %}
<td>{% if line.old and line.mode == "add" %}{{ line.old | value }}{% elif line.old %}<del>{{ line.old | value }}</del>{% else %}<span class="none">empty</span>{% endif %}</td>
{% endif %}
<td>{% if line.new %}<ins>{% if line.mode == "add" %}+ {% endif %}{{ line.new | value }}</ins>{% elif line.field %}<span class="none">empty</span>{% endif %}</td>
{% endif %}
</tr>
{% endfor %}
{% endfor %}
</table></div>
{% if hidden %}
<p>and {{ hidden | number }} more records in the plan</p>
{% endif %}
</details>
{% endfor %}
{% for command in commands %}
<p>Next: <code>{{ command | value }}</code></p>
{% endfor %}
<script>SCRIPT</script>
</body>
</html>
"""
