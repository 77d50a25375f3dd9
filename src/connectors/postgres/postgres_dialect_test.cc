#include "connectors/postgres/postgres_dialect.h"

#include <limits>

#include <gtest/gtest.h>

#include "connectors/postgres/type_oids.h"
#include "connectors/postgres/wire_fixture.h"

namespace weir::postgres {
namespace {

using plan::Comparison;
using plan::Constant;
using plan::ExpressionPtr;
using plan::Kind;

plan::Scan orders() {
  plan::Scan scan;
  scan.table = {"public", "orders"};
  scan.columns = {
      column("id", scalar_type(Kind::int64), "bigint"),
      column("region", scalar_type(Kind::text), "text"),
      column("mood", scalar_type(Kind::text), "mood"),
      column("total", decimal_type(12, 2), "numeric(12,2)"),
      column("day", scalar_type(Kind::date), "date"),
      column("owner", scalar_type(Kind::uint32), "oid"),
      column("ratio", scalar_type(Kind::float32), "real"),
      column("address", scalar_type(Kind::text), "inet", true),
      column("addresses", list_type(scalar_type(Kind::text)), "inet[]", true),
      column("shape", scalar_type(Kind::text), "public.shape", true),
      column("shapes", list_type(scalar_type(Kind::text)), "public.shape[]", true),
      column("paid", scalar_type(Kind::boolean), "boolean"),
      column("data", scalar_type(Kind::binary), "bytea"),
      column("at", scalar_type(Kind::timestamptz), "timestamp with time zone"),
      column("label", scalar_type(Kind::text), "character varying(9)"),
  };
  return scan;
}

ExpressionPtr ref(std::string_view name) {
  auto columns = orders().columns;
  for (size_t i = 0; i < columns.size(); i++) {
    if (columns[i].name == name) return plan::make(plan::ColumnRef{i});
  }
  throw std::out_of_range("no such column");
}
template <typename T>
Constant constant(Kind kind, T value) {
  return {scalar_type(kind), value};
}
Constant text(std::string value) { return constant(Kind::text, std::move(value)); }
ExpressionPtr compare(std::string_view name, Comparison op, Constant value) {
  return plan::make(plan::Compare{op, ref(name), plan::make(std::move(value))});
}

/// The condition with its constants as literals.
std::string condition(ExpressionPtr filter) {
  auto scan = orders();
  scan.filters = {std::move(filter)};
  std::string sql = render_copy(scan, std::nullopt);
  std::string_view head = "COPY (SELECT FROM \"public\".\"orders\" WHERE ";
  std::string_view tail = ") TO STDOUT (FORMAT binary)";
  EXPECT_TRUE(sql.starts_with(head) && sql.ends_with(tail)) << sql;
  return sql.substr(head.size(), sql.size() - head.size() - tail.size());
}

TEST(Select, NamesItsColumnsAndCastsWhatHasNoBinaryHome) {
  auto scan = orders();
  scan.projection = {3, 0, 7, 8};
  EXPECT_EQ(render_select(scan, std::nullopt).text,
            R"(SELECT "total", "id", "address"::text, "addresses"::text[] FROM "public"."orders")");
}

TEST(Select, OfNothingStillCountsRows) {
  EXPECT_EQ(render_select(orders(), std::nullopt).text, R"(SELECT FROM "public"."orders")");
}

TEST(Select, NumbersItsParameters) {
  auto scan = orders();
  scan.projection = {0};
  scan.filters = {compare("region", Comparison::equal, text("EU")),
                  compare("id", Comparison::less, constant(Kind::int64, int64_t{5}))};
  scan.limit = 10;
  Statement statement = render_select(scan, std::nullopt);
  EXPECT_EQ(statement.text, R"(SELECT "id" FROM "public"."orders" WHERE "region" = $1 AND "id" < $2 LIMIT 10)");
  EXPECT_EQ(statement.params, (std::vector<Parameter>{{oid::kText, "EU", false}, {oid::kInt8, "5", false}}));
}

TEST(Select, ReadsARangeOfBlocksOfOneRelationOnly) {
  auto scan = orders();
  scan.projection = {0};
  EXPECT_EQ(render_select(scan, CtidRange{0, 128}).text,
            R"(SELECT "id" FROM ONLY "public"."orders" WHERE ctid >= '(0,0)'::tid AND ctid < '(128,0)'::tid)");
  scan.filters = {ref("paid")};
  EXPECT_EQ(render_select(scan, CtidRange{128, std::nullopt}).text,
            R"(SELECT "id" FROM ONLY "public"."orders" WHERE ctid >= '(128,0)'::tid AND "paid")");
}

TEST(Copy, WritesConstantsAsLiterals) {
  auto scan = orders();
  scan.projection = {0};
  scan.filters = {compare("total", Comparison::greater, {decimal_type(12, 2), "-12.50"})};
  EXPECT_EQ(render_copy(scan, std::nullopt),
            R"(COPY (SELECT "id" FROM "public"."orders" WHERE "total" > '-12.50'::numeric) TO STDOUT (FORMAT binary))");
}

TEST(TextConditions, UseTheIndexForEqualityAndBytesForOrder) {
  EXPECT_EQ(condition(compare("region", Comparison::equal, text("EU"))), R"("region" = 'EU'::text)");
  EXPECT_EQ(condition(compare("region", Comparison::not_equal, text("EU"))), R"("region" <> 'EU'::text)");
  EXPECT_EQ(condition(compare("region", Comparison::less, text("EU"))), R"("region" COLLATE "C" < 'EU'::text)");
  EXPECT_EQ(condition(compare("label", Comparison::equal, text("x"))), R"("label" = 'x'::text)");
}

TEST(TextConditions, CompareEnumsByTheirLabels) {
  EXPECT_EQ(condition(compare("mood", Comparison::equal, text("sad"))), R"("mood"::text = 'sad'::text)");
  EXPECT_EQ(condition(compare("mood", Comparison::less, text("sad"))), R"("mood"::text COLLATE "C" < 'sad'::text)");
}

TEST(TextConditions, CompareTwoColumnsByBytes) {
  EXPECT_EQ(condition(plan::make(plan::Compare{Comparison::equal, ref("region"), ref("mood")})),
            R"("region" COLLATE "C" = "mood"::text)");
}

TEST(TextConditions, MatchWithoutAnEscapeCharacter) {
  auto like = [](plan::Match match, std::string pattern, bool negated = false) {
    return condition(plan::make(plan::Like{ref("region"), match, std::move(pattern), negated}));
  };
  EXPECT_EQ(like(plan::Match::like, "a_%"), R"("region" LIKE 'a_%'::text ESCAPE '')");
  EXPECT_EQ(like(plan::Match::like, "a", true), R"("region" NOT LIKE 'a'::text ESCAPE '')");
  EXPECT_EQ(like(plan::Match::prefix, "ab"), R"("region" LIKE 'ab%'::text)");
  EXPECT_EQ(like(plan::Match::suffix, "5%"), R"("region" LIKE E'%5\\%'::text)");
  EXPECT_EQ(like(plan::Match::contains, "_\\"), R"("region" LIKE E'%\\_\\\\%'::text)");
}

TEST(Conditions, PutColumnsFirst) {
  EXPECT_EQ(
      condition(plan::make(plan::Compare{Comparison::less, plan::make(constant(Kind::int64, int64_t{5})), ref("id")})),
      R"("id" > '5'::int8)");
}

TEST(Conditions, NestWithParentheses) {
  auto a = compare("id", Comparison::equal, constant(Kind::int64, int64_t{1}));
  auto b = plan::make(plan::IsNull{ref("region"), true});
  EXPECT_EQ(condition(plan::make(plan::Or{{plan::make(plan::And{{a, b}}), plan::make(plan::Not{ref("paid")})}})),
            R"((("id" = '1'::int8 AND "region" IS NOT NULL) OR NOT ("paid")))");
}

TEST(Conditions, AskTheValueNotItsFieldsForNull) {
  EXPECT_EQ(condition(plan::make(plan::IsNull{ref("address"), false})), R"("address" IS NOT DISTINCT FROM NULL)");
  EXPECT_EQ(condition(plan::make(plan::IsNull{ref("address"), true})), R"("address" IS DISTINCT FROM NULL)");
}

TEST(Conditions, AskWhatIsSentWhereACastIsSomebodysOwn) {
  EXPECT_EQ(condition(plan::make(plan::IsNull{ref("shape"), false})), R"("shape"::text IS NULL)");
  EXPECT_EQ(condition(plan::make(plan::IsNull{ref("shapes"), true})), R"("shapes"::text[] IS NOT NULL)");
}

TEST(Conditions, WidenOidsBesideOtherIntegers) {
  EXPECT_EQ(condition(compare("owner", Comparison::equal, constant(Kind::uint32, int64_t{7}))),
            R"("owner" = '7'::oid)");
  EXPECT_EQ(condition(compare("owner", Comparison::equal, constant(Kind::int64, int64_t{-7}))),
            R"("owner"::int8 = '-7'::int8)");
  EXPECT_EQ(condition(compare("id", Comparison::equal, constant(Kind::uint32, int64_t{7}))), R"("id" = '7'::int8)");
}

TEST(Lists, AreOneArray) {
  std::vector<Constant> values = {text("a,b"), text("\"\\"), {scalar_type(Kind::text), std::monostate{}}};
  auto scan = orders();
  scan.filters = {plan::make(plan::In{ref("region"), values, true})};
  Statement statement = render_select(scan, std::nullopt);
  EXPECT_EQ(statement.text, R"(SELECT FROM "public"."orders" WHERE "region" <> ALL ($1))");
  EXPECT_EQ(statement.params, (std::vector<Parameter>{{oid::kTextArray, R"({"a,b","\"\\",NULL})", false}}));
  EXPECT_EQ(condition(plan::make(
                plan::In{ref("id"), {constant(Kind::int32, int64_t{1}), constant(Kind::int64, int64_t{2})}, false})),
            R"("id" = ANY ('{"1","2"}'::int8[]))");
}

TEST(Lists, OfNullsAloneTakeTheColumnsType) {
  EXPECT_EQ(condition(plan::make(plan::In{ref("id"), {{scalar_type(Kind::text), std::monostate{}}}, false})),
            R"("id" = ANY ('{NULL}'::int8[]))");
}

TEST(Constants, AreReadBackExactly) {
  auto ratio = [](double value) {
    return condition(compare("ratio", Comparison::equal, constant(Kind::float32, value)));
  };
  EXPECT_EQ(ratio(0.1f), R"("ratio" = '0.1'::float4)");
  EXPECT_EQ(ratio(-0.0), R"("ratio" = '-0'::float4)");
  EXPECT_EQ(ratio(std::numeric_limits<double>::quiet_NaN()), R"("ratio" = 'NaN'::float4)");
  EXPECT_EQ(ratio(-std::numeric_limits<double>::infinity()), R"("ratio" = '-Infinity'::float4)");
  EXPECT_EQ(condition(compare("ratio", Comparison::equal, constant(Kind::float64, 0.1))), R"("ratio" = '0.1'::float8)");
  EXPECT_EQ(condition(compare("data", Comparison::equal, constant(Kind::binary, std::string("\0'\xff", 3)))),
            R"("data" = E'\\x0027ff'::bytea)");
  EXPECT_EQ(condition(compare("day", Comparison::equal, constant(Kind::date, std::string("0044-03-15 (BC)")))),
            R"("day" = '0044-03-15 BC'::date)");
  EXPECT_EQ(
      condition(compare("at", Comparison::equal, constant(Kind::timestamptz, std::string("0044-03-15 (BC) 12:00:00")))),
      R"("at" = '0044-03-15 12:00:00+00 BC'::timestamptz)");
}

TEST(Constants, OutsideOfTheRangeCompareWithItsBound) {
  auto day = [](Comparison op, std::string value) {
    return condition(compare("day", op, constant(Kind::date, std::move(value))));
  };
  EXPECT_EQ(day(Comparison::less, "5881580-07-10"), R"("day" <= '5874897-12-31'::date)");
  EXPECT_EQ(day(Comparison::greater_or_equal, "5881580-07-10"), R"("day" > '5874897-12-31'::date)");
  EXPECT_EQ(day(Comparison::greater, "4714-11-23 (BC)"), R"("day" > '-infinity'::date)");
  EXPECT_EQ(day(Comparison::equal, "4714-11-23 (BC)"), R"("day" <> "day")");
  EXPECT_EQ(day(Comparison::not_equal, "4714-11-23 (BC)"), R"("day" = "day")");
  EXPECT_EQ(day(Comparison::less, "4714-11-24 (BC)"), R"("day" < '4714-11-24 BC'::date)");
  EXPECT_EQ(condition(plan::make(plan::In{ref("day"), {constant(Kind::date, std::string("5000-01-01 (BC)"))}, true})),
            R"("day" = "day")");
}

TEST(Quoting, CannotBeEscapedFrom) {
  EXPECT_EQ(quote_identifier("a\"; DROP TABLE t; --"), "\"a\"\"; DROP TABLE t; --\"");
  EXPECT_EQ(quote_literal("a'; DROP TABLE t; --"), "'a''; DROP TABLE t; --'");
  EXPECT_EQ(quote_literal("\\'"), "E'\\\\'''");
}

TEST(TrustedRules, LeaveOutWhatIsNotProven) {
  for (const plan::Rule& rule : capabilities(true).rules) {
    bool null_test = rule.operation == plan::Operation::null_test;
    EXPECT_TRUE(null_test || (rule.kind != Kind::interval && rule.kind != Kind::json && rule.kind != Kind::list));
    EXPECT_TRUE(rule.operation != plan::Operation::pattern || rule.kind == Kind::text);
  }
}

}  // namespace
}  // namespace weir::postgres
