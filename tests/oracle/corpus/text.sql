-- Text at PostgreSQL and DuckDB: bytes decide, blanks count, patterns have no default escape.

-- case: equality looks at trailing blanks
SELECT id FROM pg.public.people WHERE city = 'Paris'

-- case: equality looks at case
SELECT id FROM pg.public.people WHERE name = 'ana'

-- case: CHAR(n) has no padding
SELECT id, code, length(code) FROM pg.public.people WHERE code = 'ab'

-- case: CHAR(n) does not equal its padded form
SELECT id FROM pg.public.people WHERE code = 'ab   '

-- case: CHAR(n) concatenated has no padding
SELECT id, '[' || code || ']' FROM pg.public.people

-- case: CHAR(n) with LIKE
SELECT id FROM pg.public.people WHERE code LIKE '_b'

-- case: CHAR(n) grouped
SELECT code, count(*) FROM pg.public.people GROUP BY code

-- case: the empty text is not NULL
SELECT id FROM pg.public.people WHERE nick = ''

-- case: order of text is by bytes
SELECT id, name FROM pg.public.people ORDER BY name, id

-- case: descending order of text puts NULLs last
SELECT id, city FROM pg.public.people ORDER BY city DESC, id DESC

-- case: less than on text is by bytes
SELECT id FROM pg.public.people WHERE name < 'a'

-- case: min and max of text are by bytes
SELECT min(name), max(name), min(city), max(city) FROM pg.public.people

-- case: top of text
SELECT name FROM pg.public.people ORDER BY name DESC NULLS LAST LIMIT 3

-- case: group by text is by bytes
SELECT city, count(*) FROM pg.public.people GROUP BY city

-- case: distinct text
SELECT DISTINCT name FROM pg.public.people

-- case: LIKE with a percent
SELECT id FROM pg.public.people WHERE name LIKE '%o%'

-- case: LIKE with an underscore is one character
SELECT id FROM pg.public.people WHERE name LIKE 'Zo_'

-- case: LIKE with a four-byte character
SELECT id FROM pg.public.people WHERE nick LIKE '_' OR name LIKE '😀%'

-- case: LIKE has no default escape
SELECT id FROM pg.public.people WHERE city LIKE 'New\%'

-- case: LIKE with a backslash at the end
SELECT id FROM pg.public.people WHERE city LIKE 'New\York' OR city LIKE '%\'

-- case: LIKE with an escape
SELECT id FROM pg.public.people WHERE name LIKE 'a!_b!%c' ESCAPE '!'

-- case: LIKE with a backslash as escape
SELECT id FROM pg.public.people WHERE nick LIKE '50\%' ESCAPE '\'

-- case: NOT LIKE with NULLs
SELECT id FROM pg.public.people WHERE name NOT LIKE '%o%'

-- case: LIKE with a column as the pattern
SELECT id FROM pg.public.people WHERE name LIKE nick

-- case: LIKE with the empty pattern
SELECT id FROM pg.public.people WHERE name LIKE ''

-- case: ILIKE
SELECT id FROM pg.public.people WHERE name ILIKE 'AN%' OR name ILIKE '%ë'

-- case: NOT ILIKE
SELECT id FROM pg.public.people WHERE name NOT ILIKE 'b%'

-- case: lower equals an ASCII text
SELECT id FROM pg.public.people WHERE lower(name) = 'ana'

-- case: upper and lower beyond ASCII
SELECT id, upper(name), lower(name), upper(city), lower(city) FROM pg.public.people

-- case: SIMILAR TO is a full match
SELECT id FROM pg.public.people WHERE name SIMILAR TO 'B[a-z]b'

-- case: the operator ~ is regexp_matches
SELECT id FROM pg.public.people WHERE name ~ 'o'

-- case: the operator ~ with anchors and dots
SELECT id FROM pg.public.people WHERE name ~ '.*o.*'

-- case: regexp_matches is a partial match
SELECT id FROM pg.public.people WHERE regexp_matches(name, 'o')

-- case: regexp_replace and regexp_extract
SELECT id, regexp_replace(name, '[aeiou]', '*', 'g'), regexp_extract(name, '([A-Z])(.*)', 2) FROM pg.public.people

-- case: GLOB
SELECT id FROM pg.public.people WHERE name GLOB 'B?b'

-- case: length counts characters
SELECT id, length(name), strlen(name), bit_length(name) FROM pg.public.people

-- case: substr with start zero, negative and beyond
SELECT id, substr(name, 0, 3), substr(name, -2), substr(name, 2), substr(name, 99), substr(name, 2, 0) FROM pg.public.people

-- case: substring from for
SELECT id, substring(name FROM 2 FOR 2), name[1:2], name[1] FROM pg.public.people

-- case: left and right with negative counts
SELECT id, left(name, 2), left(name, -1), right(name, 2), right(name, -1) FROM pg.public.people

-- case: trim, ltrim, rtrim
SELECT id, '[' || trim(nick) || ']', '[' || ltrim(name) || ']', rtrim(city) FROM pg.public.people

-- case: trim of given characters
SELECT id, trim(name, 'aA'), rtrim(name, 'b'), ltrim(name, 'B') FROM pg.public.people

-- case: concat skips NULLs and || does not
SELECT id, concat(name, nick), name || nick, concat_ws('-', name, nick, city) FROM pg.public.people

-- case: replace, reverse, repeat
SELECT id, replace(name, 'o', '0'), reverse(name), repeat(nick, 2) FROM pg.public.people

-- case: replace of the empty text
SELECT id, replace(name, '', 'x') FROM pg.public.people

-- case: position, strpos, instr
SELECT id, position('o' IN name), strpos(name, ''), instr(name, 'ë') FROM pg.public.people

-- case: starts_with, ends_with, contains
SELECT id FROM pg.public.people WHERE starts_with(name, 'Z') OR ends_with(name, 'b') OR contains(name, '%')

-- case: lpad and rpad
SELECT id, lpad(name, 5, '*'), rpad(name, 5, 'ab'), lpad(name, 2, '*') FROM pg.public.people

-- case: split_part and string_split
SELECT id, split_part(name, 'o', 1), string_split(name, 'o') FROM pg.public.people

-- case: ascii, chr, unicode
SELECT id, ascii(name), unicode(name), chr(65) FROM pg.public.people WHERE name <> ''

-- case: md5 and sha256
SELECT id, md5(name), sha256(name) FROM pg.public.people

-- case: quotes and comment signs in literals
SELECT id FROM pg.public.people WHERE name = 'O''Hara' OR code = ''';--' OR nick = 'quote"d'

-- case: a literal with a backslash
SELECT id, 'a\nb' FROM pg.public.people WHERE city = 'New\York'

-- case: an escape string literal
SELECT id, E'a\tb' AS tab FROM pg.public.people WHERE id = 1

-- case: string_agg with an order
SELECT city, string_agg(name, ',' ORDER BY id) FROM pg.public.people GROUP BY city

-- case: translate and overlay
SELECT id, translate(name, 'abo', 'xy') FROM pg.public.people

-- case: a number as text
SELECT id, m::VARCHAR, f8::VARCHAR, i4::VARCHAR, f4::VARCHAR FROM pg.public.numbers

-- case: a boolean as text
SELECT id, vip::VARCHAR FROM pg.public.people

-- case: a date as text
SELECT id, born::VARCHAR FROM pg.public.people

-- case: text compared with a number of text
SELECT id FROM pg.public.people WHERE born::VARCHAR LIKE '2000%'

-- case: collate nocase of the client
SELECT id FROM pg.public.people WHERE name COLLATE NOCASE = 'ANA'

-- case: order by collate nocase
-- unordered
SELECT id, name FROM pg.public.people ORDER BY name COLLATE NOCASE

-- case: text of a DuckDB source
SELECT kind, count(*) FROM lake.main.events WHERE kind >= 'Click' GROUP BY kind

-- case: strip_accents and levenshtein
SELECT id, strip_accents(name), levenshtein(name, 'Bob') FROM pg.public.people

-- case: format and printf
SELECT id, format('{}-{}', id, name), printf('%03d', id) FROM pg.public.people WHERE name IS NOT NULL
