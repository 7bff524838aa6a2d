// Expressions that Prometheus 3 refuses, with its words for them, and some that it takes against expectation: asked
// of its HTTP API (test/peers/parse-errors.test.ts asks again). A line is position, text, arrow, expression.

export interface Refused {
  readonly query: string;
  /** As the API answers it, behind the name of the parameter. */
  readonly message: string;
}

const REFUSALS = String.raw`
1:5 unexpected identifier "bar" <- foo bar
1:5 unexpected identifier "bar" <- foo bar baz
1:4 unexpected end of input <- 1 +
1:2 unexpected end of input <- +
1:2 unexpected end of input <- -
1:6 unexpected end of input <- 1 + +
1:1 unexpected <op:*> <- * 1
1:5 unexpected <op:*> <- a * * b
1:3 unexpected end of input in duration expression <- a[
1:5 unclosed left bracket <- a[5m
1:6 unexpected right bracket ']' <- a[5m]]
1:3 bad number or duration syntax: "5" <- a[5x]
1:3 unexpected character in duration expression: 'm' <- a[m]
1:6 unclosed left bracket <- a[5m:
1:8 unclosed left bracket <- a[5m:1m
1:8 unexpected colon ':' <- a[5m:1m:2m]
1:3 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- a[]
1:4 unexpected colon before duration in duration expression <- a[:]
1:3 unexpected character in duration expression: '"' <- a["5m"]
1:3 unexpected character in duration expression: 'f' <- a[foo]
1:3 duration must be greater than 0 <- a[-5m]
1:3 duration must be greater than 0 <- a[0]
1:3 duration must be greater than 0 <- a[0s]
1:6 unexpected duration "1m" in subquery or range, expected ":" or "]" <- a[5m 1m]
1:5 unexpected "," in subquery or range, expected ":" or "]" <- a[5m,1m]
1:2 unexpected end of input inside braces <- {
1:1 unexpected character: '}' <- }
1:1 vector selector must contain at least one non-empty matcher <- {}
1:3 unexpected end of input inside braces <- {a
1:4 unexpected end of input inside braces <- {a=
1:4 unexpected "}" in label matching, expected string <- {a=}
1:7 unexpected end of input inside braces <- {a="b"
1:8 unexpected end of input inside braces <- {a="b",
1:8 unexpected "," in label matching, expected identifier or "}" <- {a="b",,}
1:2 unexpected "," in label matching, expected identifier or "}" <- {,}
1:8 unexpected identifier "c" in label matching, expected "," or "}" <- {a="b" c="d"}
1:3 unexpected character inside braces: ':' <- {a:"b"}
1:4 unexpected identifier "b" in label matching, expected string <- {a=b}
1:4 unexpected character inside braces: '5' <- {a=5}
1:4 unterminated quoted string <- {a='b"}
1:4 unterminated quoted string <- {a="b}
1:4 unexpected "=" in label matching, expected string <- {a=="b"}
1:3 unexpected character inside braces: '~' <- {a~"b"}
1:8 unexpected end of input inside braces <- {a=~"b"
1:8 unexpected character: '}' <- {a="b"}}
1:6 unexpected string "\"b\"" in label matching, expected "," or "}" <- {"a" "b"}
1:1 metric name must not be set twice: "foo" or "a" <- foo{"a"}
1:1 metric name must not be set twice: "foo" or "bar" <- foo{__name__="bar"}
1:11 unexpected "{" <- foo{a="b"}{c="d"}
1:1 vector selector must contain at least one non-empty matcher <- {a=""}
1:1 vector selector must contain at least one non-empty matcher <- {a=~".*"}
1:2 unexpected character inside braces: '1' <- {1="a"}
1:3 unexpected character after '!' inside braces: '"' <- {a!"b"}
1:3 unexpected character inside braces: '>' <- {a>"b"}
1:3 unexpected character inside braces: '<' <- {a<"b"}
1:2 unexpected <op:=~> in label matching, expected identifier or "}" <- {=~"b"}
1:2 unexpected "=" in label matching, expected identifier or "}" <- {="b"}
1:6 unexpected "}" in label matching, expected string <- {"a"=}
1:5 unexpected end of input inside braces <- foo{
1:6 unexpected "}" in label matching, expected label matching operator <- foo{a}
1:4 unexpected character: '}' <- foo}
1:2 unclosed left parenthesis <- (
1:2 unexpected right parenthesis ')' <- )
1:2 unexpected ")" <- ()
1:3 unclosed left parenthesis <- (a
1:3 unexpected right parenthesis ')' <- a)
1:5 unexpected right parenthesis ')' <- (a))
1:5 unclosed left parenthesis <- ((a)
1:4 unexpected identifier "b" <- (a b)
1:1 unterminated quoted string <- "abc
1:1 unterminated quoted string <- 'abc
1:1 unknown escape sequence U+007A 'z' <- "a\z"
1:1 illegal character U+0022 '"' in escape sequence <- "a\x1"
1:1 illegal character U+0022 '"' in escape sequence <- "a\u00"
1:1 unterminated quoted string <- "a
1:2 unterminated quoted string <- b"
1:3 unexpected string "\"b\"" <- a "b"
1:5 unexpected identifier "b" <- "a" b
1:5 unexpected string "\"b\"" <- "a" "b"
1:4 ranges only allowed for vector selectors <- "a"[5m]
1:1 binary expression must contain only scalar and instant vector types <- "a" + "b"
1:1 binary expression must contain only scalar and instant vector types <- "a" + 1
1:3 unexpected string "\"a\"" <- 1 "a"
1:5 unclosed left parenthesis <- sum(
1:1 no arguments for aggregate expression provided <- sum()
1:6 unclosed left parenthesis <- sum(a
1:1 wrong number of arguments for aggregate expression provided, expected 1, got 2 <- sum(a,b)
1:5 expected type instant vector in aggregation expression, got scalar <- sum(1)
1:5 expected type instant vector in aggregation expression, got string <- sum("a")
1:5 expected type instant vector in aggregation expression, got range vector <- sum(a[5m])
1:7 unexpected end of input in grouping opts, expected "(" <- sum by
1:9 unclosed left parenthesis <- sum by (
1:10 unexpected end of input in aggregation <- sum by ()
1:8 unexpected identifier "a" in grouping opts, expected "(" <- sum by a (b)
1:10 unclosed left parenthesis <- sum by (a
1:11 unclosed left parenthesis <- sum by (a,
1:11 unexpected "," in grouping opts, expected label <- sum by (a,,b) (c)
1:12 unexpected identifier "b" in aggregation <- sum by (a) b
1:11 unexpected identifier "b" in grouping opts, expected "," or ")" <- sum by (a b) (c)
1:9 unexpected number "1" in grouping opts, expected label <- sum by (1) (c)
1:12 unclosed left parenthesis <- sum by ("a"
1:16 unexpected <by> <- sum by (a) (b) by (c)
1:11 unexpected end of input in grouping opts, expected "(" <- sum (b) by
1:17 unexpected <by> in aggregation <- sum without (a) by (b) (c)
1:9 unexpected <without> in grouping opts, expected label <- sum by (without) (c)
1:5 label "a" must not occur in ON and GROUP clause at once <- "t" + on (a) group_left (a) b
1:10 duration out of range <- g offset -1e300
1:12 duration out of range <- g offset (-1e300)
1:15 duration out of range <- g offset (1 + 1e300)
1:3 duration out of range <- g[1e10 * 1]
1:12 unexpected "(" in grouping opts, expected "," or ")" <- sum by (sum(a)) (b)
1:15 unexpected end of input in grouping opts, expected "(" <- sum(a) without
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- topk(a)
1:6 expected type scalar in aggregation parameter, got instant vector <- topk(a, b)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- topk(1)
1:1 no arguments for aggregate expression provided <- topk()
1:9 expected type instant vector in aggregation expression, got scalar <- topk(1, 2)
1:6 expected type scalar in aggregation parameter, got string <- topk("a", b)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 3 <- topk(1, a, b)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- quantile(a)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- count_values(a)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- count_values("a")
1:14 expected type string in aggregation parameter, got scalar <- count_values(1, a)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- limitk(a)
1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1 <- limit_ratio(a)
1:1 expected 1 argument(s) in call to "rate", got 0 <- rate()
1:6 expected type range vector in call to function "rate", got instant vector <- rate(a)
1:1 expected 1 argument(s) in call to "rate", got 2 <- rate(a[5m], 1)
1:10 unexpected ")" in subquery or range, expected ":" or "]" <- rate(a[5m)
1:6 expected type range vector in call to function "rate", got scalar <- rate(1)
1:6 expected type range vector in call to function "rate", got string <- rate("a")
1:6 expected type range vector in call to function "rate", got instant vector <- rate(rate(a[5m]))
1:12 ranges only allowed for vector selectors <- rate(sum(a)[5m])
1:7 ranges only allowed for vector selectors <- sum(a)[5m]
1:12 ranges only allowed for vector selectors <- rate(a[5m])[5m]
1:4 ranges only allowed for vector selectors <- (a)[5m]
1:6 ranges only allowed for vector selectors <- a[5m][5m]
1:9 ranges only allowed for vector selectors <- a[5m:1m][5m]
1:1 subquery is only allowed on instant vector, got matrix instead <- a[5m:1m][5m:1m]
1:2 ranges only allowed for vector selectors <- 1[5m]
1:1 subquery is only allowed on instant vector, got scalar instead <- 1[5m:1m]
1:1 subquery is only allowed on instant vector, got scalar instead <- time()[5m:1m]
1:1 unknown function with name "nosuch" <- nosuch(a)
1:1 unknown function with name "nosuch" <- nosuch()
1:1 unknown function with name "nosuch" <- nosuch (a)
1:1 unknown function with name "foo" <- foo()
1:1 expected 1 argument(s) in call to "abs", got 0 <- abs()
1:1 expected 1 argument(s) in call to "abs", got 2 <- abs(a, b)
1:5 expected type instant vector in call to function "abs", got scalar <- abs(1)
1:5 expected type instant vector in call to function "abs", got string <- abs("a")
1:5 expected type instant vector in call to function "abs", got range vector <- abs(a[5m])
1:1 expected 3 argument(s) in call to "clamp", got 1 <- clamp(a)
1:1 expected 3 argument(s) in call to "clamp", got 2 <- clamp(a, 1)
1:1 expected 3 argument(s) in call to "clamp", got 4 <- clamp(a, 1, 2, 3)
1:1 expected at least 1 argument(s) in call to "round", got 0 <- round()
1:1 expected at most 2 argument(s) in call to "round", got 3 <- round(a, 1, 2)
1:1 expected 5 argument(s) in call to "label_replace", got 2 <- label_replace(a, "b")
1:1 expected 5 argument(s) in call to "label_replace", got 4 <- label_replace(a, "b", "c", "d")
1:18 expected type string in call to function "label_replace", got instant vector <- label_replace(a, b, "c", "d", "e")
1:1 expected at least 3 argument(s) in call to "label_join", got 1 <- label_join(a)
1:1 expected at least 3 argument(s) in call to "label_join", got 2 <- label_join(a, "b")
1:20 expected type string in call to function "label_join", got scalar <- label_join(a, "b", 1)
1:1 expected 2 argument(s) in call to "histogram_quantile", got 1 <- histogram_quantile(a)
1:1 expected 2 argument(s) in call to "histogram_quantile", got 1 <- histogram_quantile(0.9)
1:20 expected type scalar in call to function "histogram_quantile", got instant vector <- histogram_quantile(a, b)
1:20 expected type scalar in call to function "histogram_quantile", got string <- histogram_quantile("0.9", b)
1:1 expected 1 argument(s) in call to "vector", got 0 <- vector()
1:8 expected type scalar in call to function "vector", got instant vector <- vector(a)
1:8 expected type instant vector in call to function "scalar", got scalar <- scalar(1)
1:1 expected 0 argument(s) in call to "time", got 1 <- time(1)
1:1 expected 1 argument(s) in call to "absent", got 0 <- absent()
1:8 expected type instant vector in call to function "absent", got scalar <- absent(1)
1:18 expected type range vector in call to function "absent_over_time", got instant vector <- absent_over_time(a)
1:13 expected type instant vector in call to function "day_of_week", got scalar <- day_of_week(1)
1:1 expected at most 1 argument(s) in call to "day_of_week", got 2 <- day_of_week(a, b)
1:1 expected 2 argument(s) in call to "predict_linear", got 1 <- predict_linear(a[5m])
1:16 expected type range vector in call to function "predict_linear", got instant vector <- predict_linear(a, 5)
1:1 expected 2 argument(s) in call to "quantile_over_time", got 1 <- quantile_over_time(a[5m])
1:20 expected type scalar in call to function "quantile_over_time", got range vector <- quantile_over_time(a[5m], 1)
1:1 unknown function with name "holt_winters" <- holt_winters(a[5m], 1, 1)
1:6 expected type instant vector in call to function "sort", got scalar <- sort(1)
1:18 expected type string in call to function "sort_by_label", got scalar <- sort_by_label(a, 1)
1:9 expected label selectors only, got vector selector instead <- info(a, b)
1:1 expected at least 1 argument(s) in call to "info", got 0 <- info()
1:9 unexpected end of input in offset, expected number, duration, step(), or range() <- a offset
1:13 unexpected duration "5m" <- a offset 5m 5m
1:10 unexpected identifier "b" in offset, expected number, duration, step(), or range() <- a offset b
1:10 unexpected string "\"5m\"" in offset, expected number, duration, step(), or range() <- a offset "5m"
1:1 offset may not be set multiple times <- a offset 5m offset 3m
1:8 unexpected duration "5m" <- offset 5m
1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery <- 1 offset 5m
1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery <- sum(a) offset 5m
1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery <- rate(a[5m]) offset 5m
1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery <- (a) offset 5m
1:13 no offset modifiers allowed before range <- a offset 5m [5m]
1:4 unexpected end of input in @, expected timestamp <- a @
1:5 unexpected identifier "b" in @, expected timestamp <- a @ b
1:10 unexpected end of input in @, expected timestamp <- a @ start
1:11 unexpected number "1" in @, expected timestamp <- a @ start(1)
1:5 unexpected string "\"1\"" in @, expected timestamp <- a @ "1"
1:1 @ <timestamp> may not be set multiple times <- a @ 1 @ 2
1:1 timestamp out of bounds for @ modifier: +Inf <- a @ Inf
1:1 timestamp out of bounds for @ modifier: NaN <- a @ NaN
1:1 timestamp out of bounds for @ modifier: 10000000000000000159028911097599180468360808563945281389781327557747838772170381060813469985856815104.000000 <- a @ 1e100
1:1 @ modifier must be preceded by an instant vector selector or range vector selector or a subquery <- 1 @ 1
1:1 @ modifier must be preceded by an instant vector selector or range vector selector or a subquery <- sum(a) @ 1
1:7 no @ modifiers allowed before range <- a @ 5 [5m]
1:12 no @ modifiers allowed before range <- a @ start()[5m]
1:7 unexpected number "2" <- a @ 1 2
1:1 set operator "and" not allowed in binary scalar expression <- a and 1
1:1 set operator "and" not allowed in binary scalar expression <- 1 and a
1:1 set operator "and" not allowed in binary scalar expression <- 1 and 1
1:1 set operator "or" not allowed in binary scalar expression <- 1 or a
1:1 set operator "unless" not allowed in binary scalar expression <- a unless 1
1:6 unexpected end of input <- a and
1:5 unexpected identifier "a" <- and a
1:9 unexpected identifier "b" <- a or or b
1:3 comparisons between scalars must use BOOL modifier <- 1 > 2
1:3 comparisons between scalars must use BOOL modifier <- 1 == 1
1:12 unexpected <bool> <- 1 > bool 2 bool
1:3 bool modifier can only be used on comparison operators <- a + bool b
1:3 unexpected <bool> <- a bool b
1:9 unexpected end of input <- a > bool
1:1 unexpected <bool> <- bool
1:3 bool modifier can only be used on comparison operators <- 1 + bool 2
1:3 bool modifier can only be used on comparison operators <- a and bool b
1:3 unexpected <on> <- a on b
1:8 unexpected identifier "b" in grouping opts, expected "(" <- a + on b
1:14 unexpected <on> <- a + on (b) c on (d)
1:1 vector matching only allowed between instant vectors <- a + on (b) 1
1:1 vector matching only allowed between instant vectors <- 1 + on (b) a
1:14 unexpected identifier "b" in grouping opts, expected "(" <- a + ignoring b
1:5 unexpected <group_left> <- a + group_left b
1:5 unexpected <group_left> <- a + group_left () b
1:3 label "b" must not occur in ON and GROUP clause at once <- a + on (b) group_left (b) c
1:1 no grouping allowed for "and" operation <- a and on (b) group_left c
1:1 no grouping allowed for "or" operation <- a or on (b) group_right (d) c
1:27 unexpected <group_right> <- a + on (b) group_left (c) group_right (d) e
1:9 unexpected "," in grouping opts, expected label <- a + on (,) c
1:9 unexpected number "1" in grouping opts, expected label <- a + on (1) c
1:11 unexpected identifier "c" in grouping opts, expected "," or ")" <- a + on (b c) d
1:31 unexpected identifier "d" <- a + ignoring (b) group_left c d
1:5 binary expression must contain only scalar and instant vector types <- a + "b"
1:5 binary expression must contain only scalar and instant vector types <- a + b[5m]
1:1 binary expression must contain only scalar and instant vector types <- a[5m] + b
1:1 unary expression only allowed on expressions of type scalar or instant vector, got "range vector" <- -a[5m]
1:1 unary expression only allowed on expressions of type scalar or instant vector, got "string" <- -"a"
1:1 unary expression only allowed on expressions of type scalar or instant vector, got "string" <- +"a"
1:1 unexpected character after '!': 'a' <- !a
1:3 unexpected character after '!': ' ' <- a ! b
1:3 unexpected "=" <- a = b
1:3 unexpected character after '=': '~' <- a =~ b
1:3 unexpected character after '!': '~' <- a !~ "b"
1:3 unexpected "=" <- a => b
1:5 unexpected "=" <- a === b
1:4 unexpected <op:>> <- a <> b
1:3 unexpected character: '&' <- a & b
1:3 unexpected character: '&' <- a && b
1:3 unexpected character: '|' <- a | b
1:3 unexpected character: '|' <- a || b
1:3 unexpected character: '$' <- a $ b
1:1 unexpected character: '$' <- $a
1:1 no expression found in input <- # comment
1:4 unexpected <op:@> in @, expected timestamp <- a @@ 1
1:3 unexpected character: ';' <- a ; b
1:2 unexpected character: ';' <- a;
1:2 unexpected character: '.' <- a.b
1:2 unexpected character: '.' <- a.b.c
1:1 bad number or duration syntax: "1.2." <- 1.2.3
1:1 bad number or duration syntax: "1.." <- 1..2
1:1 bad number or duration syntax: "1e" <- 1e
1:1 bad number or duration syntax: "1ee" <- 1ee5
1:1 bad number or duration syntax: "1e+" <- 1e+
1:1 error parsing number: strconv.ParseFloat: parsing "0x": invalid syntax <- 0x
1:1 bad number or duration syntax: "0x" <- 0xg
1:1 bad number or duration syntax: "0" <- 0b1
1:1 bad number or duration syntax: "1_" <- 1_
1:1 not a valid duration string: "1d1w" <- 1d1w
1:1 not a valid duration string: "1m1h" <- 1m1h
1:1 not a valid duration string: "5m5m" <- 5m5m
1:5 unexpected identifier "c" <- a-b c
1:6 unexpected identifier "c" <- a::b c
1:9 unclosed left bracket <- a[5m:30s
1:12 unexpected end of input in @, expected timestamp <- a[5m:30s] @
1:5 unexpected character: 'm', expected ':' <- a[5 m]
1:6 unexpected duration "30m" in subquery or range, expected ":" or "]" <- a[1h 30m]
1:8 ranges only allowed for vector selectors <- a [5m] [1m]
1:12 unclosed left bracket <- a{b="c"}[5m
1:10 unexpected number "5" <- a{b="c"} 5
1:3 unexpected number "5" <- a 5
1:3 unexpected duration "5m" <- a 5m
1:3 unexpected number "5" <- 5 5
1:4 unexpected duration "5m" <- 5m 5m
1:3 unexpected "(" <- 5 (a)
1:1 unknown function with name "a" <- a (b)
1:5 unexpected "(" <- (a) (b)
1:8 unexpected <aggr:sum> <- sum(a) sum(b)
1:13 unexpected number "5" <- rate(a[5m]) 5
1:4 unexpected "(" <- by (a)
1:1 unexpected <on> <- on
1:1 unexpected <on> <- on(a)
1:1 unexpected <ignoring> <- ignoring + 1
1:1 unexpected <group_left> <- group_left
1:5 unexpected number "inf" <- inf inf
1:1 unexpected character: 'é' <- é
1:3 unexpected character: 'é' <- a é
1:2 unexpected character: 'é' <- aéb
1:1 binary expression must contain only scalar and instant vector types <- "é" + a
1:3 unexpected character inside braces: 'é' <- a{é="b"}
1:7 unexpected character inside braces: 'é' <- {"é"=é}
1:1 unexpected character: '日' <- 日本
1:2 unexpected character: '\\' <- a\
1:1 unexpected character: '\\' <- \
1:4 unexpected end of input <- a +
1:5 unexpected "}" in label matching, expected string <- b{c=}
1:11 unexpected end of input in aggregation <- sum by (a)
1:1 unexpected <op:@> <- @
1:1 unexpected <op:%> <- %
1:4 unexpected end of input <- a %
1:1 unexpected <op:^> <- ^
1:4 unexpected end of input <- 2 ^
1:4 unexpected <op:^> <- 2 ^^ 3
1:1 unexpected <op:atan2> <- atan2 b
1:9 unexpected <op:atan2> <- a atan2 atan2 b
1:1 unexpected <op:>/> <- >/ a
1:1 filling in missing series only allowed between instant vectors <- a + fill (0) 1
1:29 unexpected "(" <- a + fill_left (1) fill_left (2) c
1:6 anchored and smoothed modifiers cannot be used together <- rate(a[5m] anchored smoothed)
1:1 anchored modifier not implemented <- sum(a) anchored
1:13 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[step(])
1:12 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[step])
1:12 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[5m *])
1:13 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[5m * ])
1:8 unexpected <op:*> in subquery or range selector, expected number, duration, step(), or range() <- rate(a[* 5m])
1:13 unexpected character: 'a', expected ':' <- rate(a[5m + a])
1:11 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[(5m])
1:10 unexpected ")" in subquery or range, expected ":" or "]" <- rate(a[5m)])
1:11 division by zero <- rate(a[5m / 0])
1:11 modulo by zero <- rate(a[5m % 0])
1:17 unexpected ")" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[max_of(1m)])
1:18 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[max_of(1m,])
1:14 unexpected "]" in subquery or range selector, expected number, duration, step(), or range() <- rate(a[min_of])
1:11 unexpected end of input in offset, expected number, duration, step(), or range() <- a offset -
1:1 expected 2 argument(s) in call to "max_of", got 1 <- max_of(1)
1:1 expected 2 argument(s) in call to "max_of", got 0 <- max_of()
1:8 expected type scalar in call to function "max_of", got instant vector <- max_of(a, 1)
1:1 expected 2 argument(s) in call to "min_of", got 3 <- min_of(1, 2, 3)
1:17 unexpected <by> in aggregation <- sum(rate(a[5m]) by (b)
1:21 unexpected identifier "b" in grouping opts, expected "(" <- sum(rate(a[5m])) by b
1:18 unexpected right parenthesis ')' <- sum(rate(a[5m]))) by (b)
1:24 unexpected <aggr:sum> <- histogram_quantile(0.9 sum(rate(a[5m])) by (le))
1:17 unexpected character inside braces: '[' <- sum(rate(a{b="c"[5m]))
1:14 unterminated quoted string <- sum(rate(a{b="c}[5m]))
1:14 unexpected identifier "c" in label matching, expected string <- sum(rate(a{b=c}[5m]))
1:18 unexpected ")" in offset, expected number, duration, step(), or range() <- rate(a[5m] offset)
1:18 no offset modifiers allowed before range <- rate(a offset 5m [5m])
1:26 unexpected end of input in grouping opts, expected "(" <- sum(a) by (b) / sum(c) by
1:9 unexpected <op:*> <- sum(a) /* comment */
1:4 unexpected <op:/> <- a // comment
1:8 unexpected <aggr:group> <- sum(a) group by b
1:6 binary expression must contain only scalar and instant vector types <- a == "b"
1:5 binary expression must contain only scalar and instant vector types <- a > "b"
1:5 unexpected character inside braces: '>' <- a{b > 5}
1:6 unexpected "=" in label matching, expected string <- a{b == "c"}
1:11 unexpected identifier "and" in label matching, expected "," or "}" <- a{b = "c" and d = "e"}
1:11 unexpected identifier "or" in label matching, expected "," or "}" <- a{b = "c" or d = "e"}
1:5 unexpected identifier "in" in label matching, expected label matching operator <- a{b in ("c")}
1:8 unexpected character inside braces: ';' <- a{b="c";d="e"}
1:11 unexpected string "\"d\"" in label matching, expected "," or "}" <- a{"b"="c" "d"="e"}
1:6 trailing commas not allowed in function call args <- sum(a,)
1:5 unexpected "," in aggregation <- sum(,a)
1:6 trailing commas not allowed in function call args <- sum(a,,b)
1:11 trailing commas not allowed in function call args <- rate(a[5m],)
1:8 trailing commas not allowed in function call args <- clamp(a,,1)
1:8 unexpected identifier "a" in aggregation <- topk(5 a)
1:7 unexpected character: ';' <- topk(5; a)
1:6 unexpected "," in aggregation <- topk(, a)
1:1 @ <timestamp> may not be set multiple times <- a[5m:1m] offset 5m @ 1 @ 2
1:1 offset may not be set multiple times <- a{b="c"} offset 5m offset 3m
1:12 unexpected <without> in aggregation <- sum by (a) without (b) (c)
`;

export const REFUSED: readonly Refused[] = REFUSALS.trim()
  .split('\n')
  .map((line) => {
    const [, position, text, query] = /^(\S+) (.*?) <- (.*)$/.exec(line)!;
    return { query: query!, message: `${position}: parse error: ${text}` };
  });

/** Taken by Prometheus, whatever it may look like. */
export const TAKEN: readonly string[] = `
a[5]
{"a",}
{"a","b"}
{__name__="a",__name__="b"}
{''="b"}
foo{}
sum
count_values("", a)
count_values("a-b", a)
rate
sort_by_label(a)
a offset 5
a + on () b
a + on (b,) c
a # comment
_1
08
a:b
:a
a + sum
sum + a
by
start
end
start()
end()
e
a
a anchored
rate(a anchored [5m])
rate(a[step()])
-- a
a -- comment
`
  .trim()
  .split('\n');
