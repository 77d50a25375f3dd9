#include <gtest/gtest.h>

#include "connectors/postgres/pg_fixture.h"
#include "connectors/postgres/wire_fixture.h"

namespace weir::postgres {
namespace {

/// A column type, values for it, and SQL over `v` that computes what must stand in the Arrow array, in the words of
/// `cell`.
struct Case {
  std::string name;
  std::string type;
  std::string home;  ///< plan::to_string of the type it is read as, "!" in front: cast to text
  std::vector<std::string> literals;
  std::string expected;
  TypeOptions options = {};
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

const std::string kMicroseconds =
    "CASE WHEN isfinite(v) THEN trunc(extract(epoch FROM v) * 1000000)::text WHEN v > '2000-01-01' THEN "
    "'9223372036854775807' ELSE '-9223372036854775807' END";
const std::string kIntervalParts =
    "(extract(year FROM v) * 12 + extract(month FROM v))::text || ' ' || extract(day FROM v)::text || ' ' || "
    "trunc((extract(hour FROM v) * 3600 + extract(minute FROM v) * 60) * 1000000 + extract(microseconds FROM v))::text";

std::vector<Case> cases() {
  TypeOptions numeric_string{{NumericMode::Form::string}};
  TypeOptions numeric_double{{NumericMode::Form::floating}};
  TypeOptions array_text{{}, ArrayMode::text};
  return {
      {"bool", "bool", "boolean", {"true", "false"}, "v::text"},
      {"int2", "int2", "int16", {"-32768", "32767", "0"}, "v::text"},
      {"int4", "int4", "int32", {"-2147483648", "2147483647", "0", "-1"}, "v::text"},
      {"int8", "int8", "int64", {"-9223372036854775808", "9223372036854775807", "0"}, "v::text"},
      {"oid", "oid", "uint32", {"0", "4294967295"}, "v::text"},
      {"float4",
       "float4",
       "float32",
       {"NaN", "-0", "Infinity", "-Infinity", "3.4028235e38", "1e-45", "0.1"},
       "encode(float4send(v), 'hex')"},
      {"float8",
       "float8",
       "float64",
       {"NaN", "-0", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324", "0.1"},
       "encode(float8send(v), 'hex')"},
      {"numeric_15_2",
       "numeric(15,2)",
       "decimal(15,2)",
       {"0", "0.01", "-0.01", "9999999999999.99", "-9999999999999.99", "10000", "100.10", "33203.72"},
       "trunc(v * 100)::text"},
      {"numeric_38_0",
       "numeric(38,0)",
       "decimal(38,0)",
       {"99999999999999999999999999999999999999", "-99999999999999999999999999999999999999",
        "10000000000000000000000000000000000000"},
       "v::text"},
      {"numeric_38_38",
       "numeric(38,38)",
       "decimal(38,38)",
       {"0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001",
        "0.00010000000000000000000000000000000001"},
       "trunc(v * 1e38)::text"},
      {"numeric_20_5",
       "numeric(20,5)",
       "decimal(20,5)",
       {"0.00001", "123456789012345.67891", "-1", "0.1", "0.12"},
       "trunc(v * 100000)::text"},
      {"numeric_5_0", "numeric(5)", "decimal(5,0)", {"99999", "-1", "10000"}, "v::text"},
      {"numeric",
       "numeric",
       "decimal(38,10)",
       {"0", "1234567890123456789012345678.0123456789", "0.0000000001", "-5000", "1e20"},
       "trunc(v * 10000000000)::text"},
      {"numeric_50_3",
       "numeric(50,3)",
       "decimal(38,10)",
       {"1.125", "-1234567890123456789012345678.125"},
       "trunc(v * 10000000000)::text"},
      {"numeric_negative_scale", "numeric(3,-2)", "decimal(38,10)", {"99900", "100"}, "trunc(v * 10000000000)::text"},
      {"numeric_string",
       "numeric",
       "!text",
       {"NaN", "Infinity", "1.10", "123456789012345678901234567890123456789012345"},
       "v::text",
       numeric_string},
      {"numeric_double",
       "numeric",
       "!float64",
       {"NaN", "-Infinity", "0.1", "123456789012345678901234567890", "1e-400", "-0.5"},
       "encode(float8send(CASE WHEN v BETWEEN 0 AND 1e-399 THEN 0 ELSE v::float8 END), 'hex')",
       numeric_double},
      {"text", "text", "text", {"", "a", "Grüße 🦆", "back\\slash", "quote'", "tab\tnewline\n"}, "v"},
      {"text_long", "text", "text", {std::string(100000, 'x')}, "v"},
      {"varchar", "varchar(5)", "text", {"", "abcde"}, "v"},
      {"name", "name", "text", {"", "pg_class"}, "v::text"},
      {"bpchar", "char(5)", "text", {"", "ab", "abcde"}, "rpad(v::text, 5)"},
      {"one_char", "\"char\"", "text", {"", "a", " "}, "v::text"},
      {"citext", "citext", "text", {"ABC", "abc"}, "v::text"},
      {"bytea", "bytea", "binary", {"", "\\x00", "\\x00ff5c27"}, "encode(v, 'hex')"},
      {"date",
       "date",
       "date",
       {"1970-01-01", "2000-01-01", "1969-12-31", "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity",
        "0001-01-01", "0001-12-31 BC"},
       "CASE WHEN isfinite(v) THEN (v - date '1970-01-01')::text WHEN v > '2000-01-01' THEN '2147483647' ELSE "
       "'-2147483647' END"},
      {"time",
       "time",
       "time",
       {"00:00:00", "24:00:00", "23:59:59.999999"},
       "trunc(extract(epoch FROM v) * 1000000)::text"},
      {"timestamp",
       "timestamp",
       "timestamp",
       {"1970-01-01", "1969-12-31 23:59:59.999999", "4714-11-24 BC", "294247-01-10 04:00:54.775805", "infinity",
        "-infinity", "2024-02-29 12:34:56.123456"},
       kMicroseconds},
      {"timestamptz",
       "timestamptz",
       "timestamptz",
       {"1970-01-01 00:00:00+05", "2024-07-01 00:00:00 Europe/Berlin", "infinity", "-infinity",
        "0044-03-15 12:00:00+00 BC"},
       kMicroseconds},
      {"interval",
       "interval",
       "interval",
       {"0", "1 year 2 months 3 days 04:05:06.789012", "-178000000 years", "-1 month +1 day -00:00:00.000001",
        "2147483647 days"},
       kIntervalParts},
      {"uuid",
       "uuid",
       "uuid",
       {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "123e4567-e89b-12d3-a456-426614174000"},
       "replace(v::text, '-', '')"},
      {"json", "json", "json", {"{\"b\": 1,  \"a\":[1,2]}", "null"}, "v::text"},
      {"jsonb", "jsonb", "!json", {"{\"b\": 1,  \"a\":[1,2]}", "null", "\"x\""}, "v::text"},
      {"int_array", "int4[]", "list(int32)", {"{}", "{1}", "{1,NULL,-3}"}, "v::text"},
      {"text_array", "text[]", "list(text)", {"{a,NULL,b}"}, "v::text"},
      {"numeric_array", "numeric(10,2)[]", "list(decimal(10,2))", {"{1.50,NULL,-2.25}"}, "'{150,NULL,-225}'"},
      {"date_array", "date[]", "list(date)", {"{1970-01-02,infinity}"}, "'{1,2147483647}'"},
      {"jsonb_array", "jsonb[]", "!list(json)", {"{1,true,NULL}"}, "v::text"},
      {"inet_array", "inet[]", "!list(text)", {"{10.0.0.1,NULL,::1}"}, "v::text[]::text"},
      {"double_array", "numeric[]", "!list(float64)", {"{0.5,NULL}"}, "'{3fe0000000000000,NULL}'", numeric_double},
      {"declared_matrix", "int4[][]", "!text", {"{{1,2},{3,4}}", "{}"}, "v::text"},
      {"array_mode_text", "int4[]", "!text", {"{{1,2},{3,4}}", "[0:1]={5,6}"}, "v::text", array_text},
      {"enum", "wire_mood", "text", {"happy", "sad"}, "v::text"},
      {"enum_array", "wire_mood[]", "list(text)", {"{happy,sad,NULL}"}, "v::text"},
      {"domain", "wire_cents", "decimal(12,2)", {"12.30", "-1"}, "trunc(v * 100)::text"},
      {"domain_over_array", "wire_ints", "list(int32)", {"{1,2}"}, "v::text"},
      {"array_of_domain_over_array", "wire_ints[]", "list(list(int32))", {"{\"{1,2}\",NULL}"}, "'{{1,2},NULL}'"},
      {"composite", "wire_pair", "!text", {"(1,x)", "(,)"}, "v::text"},
      {"int4range", "int4range", "!text", {"[1,5)", "empty", "(,)"}, "v::text"},
      {"tstzrange", "tstzrange", "!text", {"[2024-01-01 00:00:00+02,infinity)"}, "v::text"},
      {"multirange", "int4multirange", "!text", {"{[1,3),[5,9)}"}, "v::text"},
      {"inet", "inet", "!text", {"10.0.0.1", "10.0.0.0/8", "::1"}, "v::text"},
      {"cidr", "cidr", "!text", {"10.0.0.0/8"}, "v::text"},
      {"macaddr", "macaddr", "!text", {"08:00:2b:01:02:03"}, "v::text"},
      {"money", "money", "!text", {"12.34", "-92233720368547758.08"}, "v::text"},
      {"timetz", "timetz", "!text", {"12:00:00.5+02", "24:00:00-15:59"}, "v::text"},
      {"bit", "bit(4)", "!text", {"1010"}, "v::text"},
      {"varbit", "varbit", "!text", {"", "10101"}, "v::text"},
      {"hstore", "hstore", "!text", {"a=>1,b=>NULL"}, "v::text"},
      {"xml", "xml", "!text", {"<a>1</a>"}, "v::text"},
      {"tsvector", "tsvector", "!text", {"a b:1"}, "v::text"},
      {"point", "point", "!text", {"(1.5,-0)"}, "v::text"},
      {"pg_lsn", "pg_lsn", "!text", {"16/B374D848"}, "v::text"},
      {"int2vector", "int2vector", "!text", {"1 2 3"}, "v::text"},
  };
}

class EveryType : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    session_.run(
        "CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore;"
        "SET search_path = pg_temp, public;"
        "CREATE TYPE pg_temp.wire_mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pg_temp.wire_pair AS (a int, b "
        "text);"
        "CREATE DOMAIN pg_temp.wire_cents AS numeric(12,2) CHECK (VALUE < 1e9); CREATE DOMAIN pg_temp.wire_ints AS "
        "int4[]");
  }
  void fill(const Case& test) {
    session_.run("CREATE TEMP TABLE wire_values (v " + test.type + ")");
    for (const std::string& literal : test.literals) {
      session_.run("INSERT INTO wire_values VALUES (" + quote_literal(literal) + ")");
    }
    session_.run("INSERT INTO wire_values VALUES (NULL)");
  }
  PgSession session_;
};

TEST_P(EveryType, ArrivesAsTheServerHasIt) {
  const Case& test = GetParam();
  fill(test);
  auto columns = session_.columns("wire_values", test.options);
  EXPECT_EQ((columns[0].cast_to_text ? "!" : "") + plan::to_string(columns[0].type), test.home);
  auto expected = session_.column("SELECT " + test.expected + " FROM wire_values WHERE v::text IS NOT NULL");
  expected.push_back("NULL");
  plan::Scan scan = whole_table("wire_values", columns);
  auto selected = session_.select(scan);
  ASSERT_TRUE(selected) << selected.error().to_string();
  EXPECT_EQ(cells(*selected, 0, columns[0].type), expected);
  auto copied = session_.copy(scan);
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(cells(*copied, 0, columns[0].type), expected);
}

TEST_P(EveryType, TestsForNullLikeDuckDb) {
  const Case& test = GetParam();
  fill(test);
  plan::Scan scan = whole_table("wire_values", session_.columns("wire_values", test.options));
  for (bool negated : {false, true}) {
    scan.filters = {plan::make(plan::IsNull{plan::make(plan::ColumnRef{0}), negated})};
    auto batch = session_.select(scan);
    ASSERT_TRUE(batch) << batch.error().to_string();
    EXPECT_EQ(batch->rows, negated ? static_cast<int64_t>(test.literals.size()) : 1);
  }
}

INSTANTIATE_TEST_SUITE_P(PostgresTypes, EveryType, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

/// Values without a place in their column's type.
struct Refusal {
  std::string name;
  std::string type;
  std::string literal;
  std::string message;
  std::string option;
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, IsAnErrorThatNamesColumnAndOption) {
  const Refusal& test = GetParam();
  PgSession session;
  session.run("CREATE TEMP TABLE wire_values (total " + test.type + ")");
  session.run("INSERT INTO wire_values VALUES (" + quote_literal(test.literal) + ")");
  auto batch = session.copy(whole_table("wire_values", session.columns("wire_values")));
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::value_out_of_range);
  EXPECT_EQ(batch.error().message, test.message);
  EXPECT_NE(batch.error().hint.find(test.option), std::string::npos) << batch.error().hint;
}

INSTANTIATE_TEST_SUITE_P(
    PostgresTypes, Refused,
    testing::Values(Refusal{"NumericNan", "numeric", "NaN",
                            "cannot hold numeric of table pg_temp.wire_values column total as decimal(38,10): NaN",
                            "connection.numeric_mode"},
                    Refusal{
                        "NumericInfinity", "numeric", "-Infinity",
                        "cannot hold numeric of table pg_temp.wire_values column total as decimal(38,10): an infinity",
                        "connection.numeric_mode"},
                    Refusal{"NumericTooLarge", "numeric", "1e28",
                            "cannot hold numeric of table pg_temp.wire_values column total as decimal(38,10): a value "
                            "with more digits before the point",
                            "connection.numeric_mode"},
                    Refusal{"NumericHuge", "numeric", "1e1000",
                            "cannot hold numeric of table pg_temp.wire_values column total as decimal(38,10): a value "
                            "with more digits before the point",
                            "connection.numeric_mode"},
                    Refusal{"NumericTooPrecise", "numeric", "0.00000000001",
                            "cannot hold numeric of table pg_temp.wire_values column total as decimal(38,10): a value "
                            "with more digits behind the point",
                            "connection.numeric_mode"},
                    Refusal{"NanOfDeclaredNumeric", "numeric(5,2)", "NaN",
                            "cannot hold numeric(5,2) of table pg_temp.wire_values column total as decimal(5,2): NaN",
                            "in a view on the source"},
                    Refusal{"Timestamp", "timestamp", "294276-12-31 23:59:59",
                            "cannot hold timestamp without time zone of table pg_temp.wire_values column total as "
                            "timestamp: a timestamp after 294247-01-10 04:00:54.775806",
                            "in a view on the source"},
                    Refusal{"Matrix", "int4[]", "{{1},{2}}",
                            "cannot hold integer[] of table pg_temp.wire_values column total as list(int32): an array "
                            "of several dimensions",
                            "connection.array_mode"},
                    Refusal{"LowerBound", "int4[]", "[0:1]={1,2}",
                            "cannot hold integer[] of table pg_temp.wire_values column total as list(int32): an array "
                            "whose first subscript is not 1",
                            "connection.array_mode"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace weir::postgres
