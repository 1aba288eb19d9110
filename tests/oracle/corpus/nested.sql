-- Lists, structs, maps, lambdas, JSON: they stay here, what lies below them is read from the sources.

-- case: a list column
SELECT id, tags, len(tags), tags[1] FROM pg.public.people

-- case: list functions
SELECT id, list_sort(nums), list_sum(nums), list_distinct(nums), list_contains(nums, 7) FROM lake.main.events

-- case: a lambda over a list column
SELECT id, list_transform(nums, lambda x: x + 1), list_filter(nums, lambda x: x > 2) FROM lake.main.events

-- case: a lambda that captures a column
SELECT id, list_transform(nums, lambda x: x + id) FROM lake.main.events

-- case: a list comprehension
SELECT id, [x * 2 for x in nums if x > 1] FROM lake.main.events

-- case: unnest of a list column
SELECT id, unnest(tags) AS tag FROM pg.public.people

-- case: unnest in FROM
SELECT p.id, t.tag FROM pg.public.people p, unnest(p.tags) AS t(tag)

-- case: group by an unnested list
SELECT tag, count(*) FROM (SELECT unnest(tags) AS tag FROM pg.public.people) GROUP BY tag

-- case: a list of columns of two sources
SELECT [p.id, c.id], {'p': p.name, 'c': c.name} FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id

-- case: a struct column
SELECT id, props, props.x, props['y'] FROM lake.main.events

-- case: a filter on a struct's field
SELECT id FROM lake.main.events WHERE props.x = 1

-- case: group by a struct
SELECT props, count(*) FROM lake.main.events GROUP BY props

-- case: a struct made of a source's columns
SELECT {'id': id, 'name': name} AS s FROM pg.public.people WHERE id < 3

-- case: a row of a table
SELECT i FROM pg.public.items i

-- case: unnest of a struct
SELECT unnest(props) FROM lake.main.events

-- case: a map
SELECT id, map {'a': id, 'b': id * 2}['b'] FROM pg.public.items

-- case: list aggregates joined
SELECT p.id, list(o.id ORDER BY o.id) FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id GROUP BY p.id

-- case: list equality and order
SELECT a.id, b.id FROM lake.main.events a JOIN lake.main.events b ON a.nums = b.nums

-- case: generate_series
SELECT n, p.name FROM generate_series(1, 4) AS g(n) LEFT JOIN pg.public.people p ON p.id = g.n

-- case: range in the output
SELECT id, range(id) FROM pg.public.items

-- case: a lateral range
SELECT i.id, r.n FROM pg.public.items i, LATERAL (SELECT unnest(range(i.id)) AS n) r

-- case: array slices and concatenation
SELECT id, tags[1:2], tags || ['z'], list_reverse(tags) FROM pg.public.people

-- case: string to list and back
SELECT id, array_to_string(string_split(name, 'o'), '-') FROM my.shop.customers

-- case: a list in a filter
SELECT id FROM pg.public.people WHERE tags = ['x', 'y'] OR 'é' = ANY (tags)

-- case: JSON made and read
SELECT id, json_object('id', id, 'n', name) ->> '$.n' FROM pg.public.people

-- case: list_reduce and list_zip
SELECT id, list_reduce(list_filter(nums, lambda x: x IS NOT NULL), lambda a, b: a + b) FROM lake.main.events WHERE len(list_filter(nums, lambda x: x IS NOT NULL)) > 0
