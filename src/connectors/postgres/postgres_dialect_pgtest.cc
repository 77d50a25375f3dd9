#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "connectors/postgres/pg_fixture.h"
#include "connectors/postgres/wire_fixture.h"

namespace weir::postgres {
namespace {

using plan::Comparison;
using plan::Constant;
using plan::Kind;

/// A value in both languages. Values of equal rank are equal to DuckDB, greater ranks are greater.
struct Value {
  int rank;
  std::string literal;  ///< PostgreSQL's; empty: PostgreSQL cannot hold it, it is only a constant
  decltype(Constant::value) constant;
};

struct Ordered {
  std::string name;
  std::string column_type;
  plan::Type constant_type;
  std::vector<Value> values;
};

void PrintTo(const Ordered& test, std::ostream* out) { *out << test.name; }

std::vector<Ordered> ordered_types() {
  const double kInfinity = std::numeric_limits<double>::infinity();
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Value> small = {
      {0, "-32768", int64_t{-32768}}, {1, "-1", int64_t{-1}}, {2, "0", int64_t{0}}, {3, "32767", int64_t{32767}}};
  std::vector<Value> decimals = {
      {0, "-12.50", "-12.50"}, {1, "0", "0.00"}, {2, "0.01", "0.01"}, {3, "9999999.99", "9999999.99"}};
  std::vector<Value> texts = {{0, "", ""},     {1, " ", " "},   {2, "A", "A"},       {3, "Z", "Z"},
                              {4, "a", "a"},   {5, "a ", "a "}, {6, "a\\b", "a\\b"}, {7, "a_%'\"{},b", "a_%'\"{},b"},
                              {8, "ab", "ab"}, {9, "é", "é"},   {10, "🦆", "🦆"}};
  std::vector<Value> floats = {
      {0, "-Infinity", -kInfinity}, {1, "-1.5", -1.5},          {2, "-0", -0.0}, {2, "0", 0.0}, {3, "0.1", 0.1f},
      {4, "1e30", 1e30f},           {5, "Infinity", kInfinity}, {6, "NaN", kNan}};
  std::vector<Value> doubles = floats;
  doubles[4].constant = 0.1;
  doubles[5].constant = 1e30;
  return {
      {"boolean", "bool", scalar_type(Kind::boolean), {{0, "false", false}, {1, "true", true}}},
      {"int16", "int2", scalar_type(Kind::int16), small},
      {"int32", "int4", scalar_type(Kind::int32), small},
      {"int64",
       "int8",
       scalar_type(Kind::int64),
       {{0, "-9223372036854775808", INT64_MIN}, {1, "0", int64_t{0}}, {2, "9223372036854775807", INT64_MAX}}},
      {"int32_beside_int64",
       "int4",
       scalar_type(Kind::int64),
       {{-1, "", INT64_MIN}, {0, "-2147483648", int64_t{INT32_MIN}}, {1, "5", int64_t{5}}, {2, "", INT64_MAX}}},
      {"int32_beside_decimal", "int4", decimal_type(5, 1), {{0, "1", "1.0"}, {1, "", "1.5"}, {2, "2", "2.0"}}},
      {"decimal_beside_int32",
       "numeric(5,1)",
       scalar_type(Kind::int32),
       {{0, "1.0", int64_t{1}}, {1, "2", int64_t{2}}}},
      {"uint32",
       "oid",
       scalar_type(Kind::uint32),
       {{0, "0", int64_t{0}}, {1, "2147483648", int64_t{2147483648}}, {2, "4294967295", int64_t{4294967295}}}},
      {"uint32_beside_int64",
       "oid",
       scalar_type(Kind::int64),
       {{-1, "", int64_t{-1}},
        {0, "0", int64_t{0}},
        {2, "4294967295", int64_t{4294967295}},
        {3, "", int64_t{4294967296}}}},
      {"int64_beside_uint32",
       "int8",
       scalar_type(Kind::uint32),
       {{0, "0", int64_t{0}}, {2, "4294967295", int64_t{4294967295}}}},
      {"float32", "float4", scalar_type(Kind::float32), floats},
      {"float64", "float8", scalar_type(Kind::float64), doubles},
      {"decimal", "numeric(9,2)", decimal_type(9, 2), decimals},
      {"numeric", "numeric", decimal_type(9, 2), decimals},
      {"text", "text", scalar_type(Kind::text), texts},
      {"varchar", "varchar(20)", scalar_type(Kind::text), texts},
      {"name", "name", scalar_type(Kind::text), texts},
      {"domain", "wire_label", scalar_type(Kind::text), texts},
      {"icu", "text COLLATE \"und-x-icu\"", scalar_type(Kind::text), texts},
      {"enumeration",
       "wire_mood",
       scalar_type(Kind::text),
       {{1, "happy", "happy"}, {2, "", "no label"}, {3, "ok", "ok"}, {4, "sad", "sad"}}},
      {"binary",
       "bytea",
       scalar_type(Kind::binary),
       {{0, "", std::string()},
        {1, "\\x00", std::string(1, '\0')},
        {2, "\\x0000", std::string(2, '\0')},
        {3, "\\x5c", "\\"},
        {4, "\\xff", "\xff"}}},
      {"date",
       "date",
       scalar_type(Kind::date),
       {{0, "-infinity", "-infinity"},
        {1, "", "5000-01-01 (BC)"},
        {1, "", "4714-11-23 (BC)"},
        {2, "4714-11-24 BC", "4714-11-24 (BC)"},
        {3, "0044-03-15 BC", "0044-03-15 (BC)"},
        {4, "0001-01-01", "0001-01-01"},
        {5, "2024-02-29", "2024-02-29"},
        {6, "12024-02-29", "12024-02-29"},
        {7, "5874897-12-31", "5874897-12-31"},
        {8, "", "5881580-07-10"},
        {9, "infinity", "infinity"}}},
      {"time",
       "time",
       scalar_type(Kind::time),
       {{0, "00:00:00", "00:00:00"}, {1, "12:34:56.789", "12:34:56.789"}, {2, "24:00:00", "24:00:00"}}},
      {"timestamp",
       "timestamp",
       scalar_type(Kind::timestamp),
       {{0, "-infinity", "-infinity"},
        {1, "", "290000-01-01 (BC) 00:00:00"},
        {2, "0044-03-15 12:00:00.5 BC", "0044-03-15 (BC) 12:00:00.5"},
        {3, "2024-02-29 12:00:00.123456", "2024-02-29 12:00:00.123456"},
        {4, "294247-01-10 04:00:54", "294247-01-10 04:00:54"},
        {5, "infinity", "infinity"}}},
      {"timestamptz",
       "timestamptz",
       scalar_type(Kind::timestamptz),
       {{0, "-infinity", "-infinity"},
        {2, "0044-03-15 12:00:00+00 BC", "0044-03-15 (BC) 12:00:00+00"},
        {3, "2024-02-29 12:00:00.123456+00", "2024-02-29 12:00:00.123456"},
        {4, "2024-02-29 13:00:00+00", "2024-02-29 14:00:00+01"},
        {5, "infinity", "infinity"}}},
      {"uuid",
       "uuid",
       scalar_type(Kind::uuid),
       {{0, "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"},
        {1, "7fffffff-0000-0000-0000-000000000000", "7fffffff-0000-0000-0000-000000000000"},
        {2, "80000000-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000000"}}},
  };
}

bool holds(Comparison op, int left, int right) {
  switch (op) {
    case Comparison::equal:
    case Comparison::not_distinct:
      return left == right;
    case Comparison::not_equal:
    case Comparison::distinct:
      return left != right;
    case Comparison::less:
      return left < right;
    case Comparison::less_or_equal:
      return left <= right;
    case Comparison::greater:
      return left > right;
    case Comparison::greater_or_equal:
      return left >= right;
  }
  return false;
}

constexpr std::array kComparisons = {Comparison::equal,         Comparison::not_equal, Comparison::less,
                                     Comparison::less_or_equal, Comparison::greater,   Comparison::greater_or_equal};

plan::ExpressionPtr ref(size_t index) { return plan::make(plan::ColumnRef{index}); }

class TrustedRule : public testing::TestWithParam<Ordered> {
 protected:
  /// One row per value, and one NULL; `id` is the position in the list.
  void SetUp() override {
    const Ordered& test = GetParam();
    session_.run(
        "SET search_path = pg_temp, public; CREATE TYPE pg_temp.wire_mood AS ENUM ('sad', 'ok', 'happy'); CREATE "
        "DOMAIN pg_temp.wire_label AS text");
    session_.run("CREATE TEMP TABLE wire_rules (id int, v " + test.column_type + ", w " + test.column_type + ")");
    for (size_t i = 0; i < test.values.size(); i++) {
      if (!held(i)) continue;
      std::string literal = quote_literal(test.values[i].literal);
      session_.run("INSERT INTO wire_rules VALUES (" + std::to_string(i) + ", " + literal + ", " + literal + ")");
    }
    session_.run("INSERT INTO wire_rules VALUES (1000, NULL, NULL)");
    scan_ = whole_table("wire_rules", session_.columns("wire_rules"));
    scan_.projection = {0};
  }
  /// Whether the column has the value.
  bool held(size_t i) const {
    const Value& value = GetParam().values[i];
    bool empty_is_a_value =
        GetParam().constant_type.kind == Kind::text || GetParam().constant_type.kind == Kind::binary;
    return !value.literal.empty() || (empty_is_a_value && std::get<std::string>(value.constant).empty());
  }
  Constant constant(size_t i) const { return {GetParam().constant_type, GetParam().values[i].constant}; }

  std::set<std::string> ids(Result<connector::Batch> batch) {
    if (!batch) {
      ADD_FAILURE() << batch.error().to_string();
      return {};
    }
    auto all = cells(*batch, 0, scalar_type(Kind::int32));
    return {all.begin(), all.end()};
  }
  /// Both protocols must answer the rows whose rank satisfies `expected`.
  template <typename Holds>
  void expect_rows(plan::ExpressionPtr filter, Holds expected, bool null_too = false) {
    std::set<std::string> wanted;
    if (null_too) wanted.insert("1000");
    for (size_t i = 0; i < GetParam().values.size(); i++) {
      if (held(i) && expected(GetParam().values[i].rank)) wanted.insert(std::to_string(i));
    }
    EXPECT_TRUE(plan::may_push(*filter, scan_.columns, capabilities(true)));
    scan_.filters = {std::move(filter)};
    EXPECT_EQ(ids(session_.select(scan_)), wanted) << render_copy(scan_, std::nullopt);
    EXPECT_EQ(ids(session_.copy(scan_)), wanted) << render_copy(scan_, std::nullopt);
  }

  PgSession session_;
  plan::Scan scan_;
};

TEST_P(TrustedRule, ComparesWithConstantsLikeDuckDb) {
  const auto& values = GetParam().values;
  for (size_t i = 0; i < values.size(); i++) {
    for (Comparison op : kComparisons) {
      auto value = plan::make(constant(i));
      expect_rows(plan::make(plan::Compare{op, ref(1), value}),
                  [&](int rank) { return holds(op, rank, values[i].rank); });
      expect_rows(plan::make(plan::Compare{op, value, ref(1)}),
                  [&](int rank) { return holds(op, values[i].rank, rank); });
      expect_rows(plan::make(plan::Not{plan::make(plan::Compare{op, ref(1), value})}),
                  [&](int rank) { return !holds(op, rank, values[i].rank); });
    }
  }
}

TEST_P(TrustedRule, TellsNullFromValuesLikeDuckDb) {
  const auto& values = GetParam().values;
  for (size_t i = 0; i < values.size(); i++) {
    for (const bool distinct : {true, false}) {
      const auto op = distinct ? Comparison::distinct : Comparison::not_distinct;
      expect_rows(
          plan::make(plan::Compare{op, ref(1), plan::make(constant(i))}),
          [&](int rank) { return holds(op, rank, values[i].rank); }, distinct);
      expect_rows(plan::make(plan::Compare{op, ref(1), ref(2)}), [&](int) { return !distinct; }, !distinct);
    }
  }
}

TEST_P(TrustedRule, ComparesColumnsLikeDuckDb) {
  for (Comparison op : kComparisons) {
    expect_rows(plan::make(plan::Compare{op, ref(1), ref(2)}), [&](int) { return holds(op, 0, 0); });
  }
}

TEST_P(TrustedRule, FindsListsLikeDuckDb) {
  const auto& values = GetParam().values;
  Constant null{GetParam().constant_type, std::monostate{}};
  for (size_t i = 0; i < values.size(); i++) {
    size_t j = (i + 2) % values.size();
    auto in_list = [&](int rank) { return rank == values[i].rank || rank == values[j].rank; };
    expect_rows(plan::make(plan::In{ref(1), {constant(i), constant(j)}, false}), in_list);
    expect_rows(plan::make(plan::In{ref(1), {constant(i), constant(j)}, true}),
                [&](int rank) { return !in_list(rank); });
    expect_rows(plan::make(plan::In{ref(1), {constant(i), null, constant(j)}, false}), in_list);
    expect_rows(plan::make(plan::In{ref(1), {constant(i), null}, true}), [](int) { return false; });
    expect_rows(plan::make(plan::In{ref(1), {constant(i)}, false}), [&](int rank) { return rank == values[i].rank; });
  }
  expect_rows(plan::make(plan::In{ref(1), {null}, false}), [](int) { return false; });
}

INSTANTIATE_TEST_SUITE_P(PostgresDialect, TrustedRule, testing::ValuesIn(ordered_types()),
                         [](const auto& info) { return info.param.name; });

TEST(TrustedRules, AreAllProvenHere) {
  std::set<Kind> proven;
  for (const Ordered& test : ordered_types()) proven.insert(test.constant_type.kind);
  for (const plan::Rule& rule : capabilities(true).rules) {
    if (rule.operation == plan::Operation::equality || rule.operation == plan::Operation::ordering) {
      EXPECT_TRUE(proven.contains(rule.kind)) << plan::to_string(rule.kind);
    }
  }
}

/// One pattern and the texts that DuckDB finds with it.
struct Pattern {
  plan::Match match;
  std::string pattern;
  std::set<std::string> found;
};

class TrustedPattern : public testing::TestWithParam<std::string> {};

TEST_P(TrustedPattern, FindsWhatDuckDbFinds) {
  using plan::Match;
  const std::vector<std::string> texts = {"", "abc", "ABC", "aXc", "aéc", "a🦆c", "a%c", "a_c", "a\\c", "xabcx", "ab"};
  const std::vector<Pattern> patterns = {
      {Match::like, "abc", {"abc"}},
      {Match::like, "a_c", {"abc", "aXc", "aéc", "a🦆c", "a%c", "a_c", "a\\c"}},
      {Match::like, "%b%", {"abc", "xabcx", "ab"}},
      {Match::like, "a\\c", {"a\\c"}},
      {Match::like, "a\\_c", {}},
      {Match::like, "a\\%", {"a\\c"}},
      {Match::like, "", {""}},
      {Match::like, "%", {texts.begin(), texts.end()}},
      {Match::prefix, "a_", {"a_c"}},
      {Match::prefix, "a\\", {"a\\c"}},
      {Match::prefix, "ab", {"abc", "ab"}},
      {Match::prefix, "", {texts.begin(), texts.end()}},
      {Match::suffix, "%c", {"a%c"}},
      {Match::suffix, "éc", {"aéc"}},
      {Match::suffix, "abc", {"abc"}},
      {Match::contains, "bc", {"abc", "xabcx"}},
      {Match::contains, "\\", {"a\\c"}},
      {Match::contains, "🦆", {"a🦆c"}},
  };
  PgSession session;
  session.run("CREATE TEMP TABLE wire_patterns (v " + GetParam() + ")");
  for (const std::string& text : texts) session.run("INSERT INTO wire_patterns VALUES (" + quote_literal(text) + ")");
  session.run("INSERT INTO wire_patterns VALUES (NULL)");
  plan::Scan scan = whole_table("wire_patterns", session.columns("wire_patterns"));
  for (const Pattern& pattern : patterns) {
    for (bool negated : {false, true}) {
      scan.filters = {plan::make(plan::Like{ref(0), pattern.match, pattern.pattern, negated})};
      std::set<std::string> wanted;
      for (const std::string& text : texts) {
        if (pattern.found.contains(text) != negated) wanted.insert(text);
      }
      for (auto read : {&PgSession::select, &PgSession::copy}) {
        auto batch = (session.*read)(scan);
        ASSERT_TRUE(batch) << batch.error().to_string();
        auto found = cells(*batch, 0, scalar_type(Kind::text));
        EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), wanted) << render_copy(scan, std::nullopt);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PostgresDialect, TrustedPattern,
                         testing::Values("text", "varchar(20)", "name", "text COLLATE \"C\"",
                                         "text COLLATE \"und-x-icu\""));

TEST(TextColumns, OfTwoCollationsAreComparedByBytes) {
  PgSession session;
  session.run(
      "CREATE TEMP TABLE wire_pairs (a text COLLATE \"C\", b text COLLATE \"und-x-icu\"); INSERT INTO wire_pairs "
      "VALUES ('B', 'a'), ('x', 'x')");
  plan::Scan scan = whole_table("wire_pairs", session.columns("wire_pairs"));
  for (auto [op, rows] : {std::pair{Comparison::equal, 1}, {Comparison::less, 1}, {Comparison::greater, 0}}) {
    scan.filters = {plan::make(plan::Compare{op, ref(0), ref(1)})};
    auto batch = session.select(scan);
    ASSERT_TRUE(batch) << batch.error().to_string();
    EXPECT_EQ(batch->rows, rows) << plan::to_string(op);
  }
}

TEST(CtidRanges, CoverATableOnce) {
  PgSession session;
  session.run("CREATE TEMP TABLE wire_blocks AS SELECT i, repeat('x', 500) t FROM generate_series(1, 1000) i");
  auto count = [&](std::optional<CtidRange> range) {
    plan::Scan scan = whole_table("wire_blocks", session.columns("wire_blocks"));
    return std::stoi(session.column("SELECT count(*) FROM (" + render_select(scan, range).text + ") s").front());
  };
  int first = count(CtidRange{0, 10});
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 1000);
  EXPECT_EQ(first + count(CtidRange{10, 40}) + count(CtidRange{40, std::nullopt}), 1000);
}

TEST(EmptyProjection, CountsRows) {
  PgSession session;
  session.run("CREATE TEMP TABLE wire_count AS SELECT i FROM generate_series(1, 100) i");
  plan::Scan scan = whole_table("wire_count", session.columns("wire_count"));
  scan.projection.clear();
  scan.limit = 70;
  for (auto read : {&PgSession::select, &PgSession::copy}) {
    auto batch = (session.*read)(scan);
    ASSERT_TRUE(batch) << batch.error().to_string();
    EXPECT_EQ(batch->rows, 70);
  }
}

TEST(OddNames, AreQuoted) {
  PgSession session;
  session.run(
      "CREATE TEMP TABLE \"odd \"\" name\" (\"select\" int, \"a.b\"\"c\" text); INSERT INTO \"odd \"\" name\" VALUES "
      "(1, 'x')");
  auto columns = session.columns("\"odd \"\" name\"");
  plan::Scan scan = whole_table("odd \" name", columns);
  scan.filters = {
      plan::make(plan::Compare{Comparison::equal, ref(1), plan::make(Constant{scalar_type(Kind::text), "x"})})};
  auto batch = session.copy(scan);
  ASSERT_TRUE(batch) << batch.error().to_string();
  EXPECT_EQ(batch->rows, 1);
}

}  // namespace
}  // namespace weir::postgres
