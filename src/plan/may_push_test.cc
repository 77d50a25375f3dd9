#include <gtest/gtest.h>

#include "plan/capabilities.h"

namespace weir::plan {
namespace {

constexpr Kind kKinds[] = {Kind::boolean, Kind::int16,   Kind::int32,     Kind::int64,       Kind::uint32,
                           Kind::float32, Kind::float64, Kind::decimal,   Kind::text,        Kind::binary,
                           Kind::date,    Kind::time,    Kind::timestamp, Kind::timestamptz, Kind::interval,
                           Kind::uuid,    Kind::json,    Kind::list};
constexpr Operation kOperations[] = {Operation::equality, Operation::ordering, Operation::null_test,
                                     Operation::pattern};

Column column(Kind kind) {
  const bool text = kind == Kind::text;
  return {.name = "c",
          .type = {kind, 12, 2, {}},
          .collation = text ? Collation::deterministic : Collation::not_text,
          .nullable = true,
          .source_type = "test",
          .cast_to_text = false};
}

Constant value(Kind kind) { return {{kind, 12, 2, {}}, std::string("1")}; }

ExpressionPtr column_ref(size_t index = 0) { return make(ColumnRef{index}); }

ExpressionPtr compare(Comparison op, Constant constant) {
  return make(Compare{op, column_ref(), make(std::move(constant))});
}

ExpressionPtr predicate(Kind kind, Operation operation) {
  switch (operation) {
    case Operation::equality:
      return compare(Comparison::equal, value(kind));
    case Operation::ordering:
      return compare(Comparison::less, value(kind));
    case Operation::null_test:
      return make(IsNull{column_ref(), false});
    case Operation::pattern:
      return make(Like{column_ref(), Match::like, "a%", false});
    default:
      return nullptr;  // not of predicates
  }
}

/// Trusts everything for every kind.
struct Trust {
  std::vector<Rule> rules;
  Capabilities capabilities;

  Trust() {
    for (const auto kind : kKinds) {
      for (const auto operation : kOperations) rules.push_back({kind, operation});
    }
    capabilities = {.rules = rules, .limit = true, .in_list_length_max = 3, .text_is_utf8 = true};
  }
};

std::string refusal(const ExpressionPtr& expression, const Column& column, const Capabilities& capabilities) {
  const auto verdict = may_push(*expression, {&column, 1}, capabilities);
  return verdict ? "" : verdict.error();
}

TEST(MayPush, NeedsARuleForEachKindAndOperation) {
  for (const auto kind : kKinds) {
    for (const auto operation : kOperations) {
      const auto tested = predicate(kind, operation);
      const Rule rule{kind, operation};
      const Capabilities with{.rules = {&rule, 1}, .limit = true, .in_list_length_max = 3, .text_is_utf8 = true};
      EXPECT_EQ(refusal(tested, column(kind), with), "") << to_string(kind);

      std::vector<Rule> others;
      for (const auto other : Trust().rules) {
        if (other.kind != kind || other.operation != operation) others.push_back(other);
      }
      const Capabilities without{.rules = others, .limit = true, .in_list_length_max = 3, .text_is_utf8 = true};
      EXPECT_NE(refusal(tested, column(kind), without), "") << to_string(kind);
    }
  }
}

TEST(MayPush, RefusesTextOfADatabaseThatIsNotUtf8) {
  Trust trust;
  trust.capabilities.text_is_utf8 = false;
  EXPECT_EQ(refusal(predicate(Kind::text, Operation::equality), column(Kind::text), trust.capabilities),
            "text of the source is not known to be UTF-8");
  EXPECT_EQ(refusal(predicate(Kind::int32, Operation::equality), column(Kind::int32), trust.capabilities), "");
}

TEST(MayPush, RefusesNondeterministicCollations) {
  const Trust trust;
  auto citext = column(Kind::text);
  citext.collation = Collation::nondeterministic;
  citext.source_type = "citext";
  EXPECT_EQ(refusal(predicate(Kind::text, Operation::equality), citext, trust.capabilities),
            "column c (citext) compares by a nondeterministic collation");
}

TEST(MayPush, RefusesColumnsThatAreCarriedAsText) {
  const Trust trust;
  auto point = column(Kind::text);
  point.cast_to_text = true;
  point.source_type = "point";
  for (const auto operation : {Operation::equality, Operation::ordering, Operation::pattern}) {
    EXPECT_EQ(refusal(predicate(Kind::text, operation), point, trust.capabilities),
              "column c (point) is carried as text");
  }
}

TEST(MayPush, TakesANullTestHoweverAColumnTravelsOrCompares) {
  Trust trust;
  trust.capabilities.text_is_utf8 = false;
  auto point = column(Kind::text);
  point.cast_to_text = true;
  point.collation = Collation::nondeterministic;
  for (const bool negated : {false, true}) {
    EXPECT_EQ(refusal(make(IsNull{column_ref(), negated}), point, trust.capabilities), "");
  }
}

TEST(MayPush, ComparesUnlikeKindsOnlyWhenBothAreExactNumbers) {
  const Trust trust;
  EXPECT_EQ(refusal(compare(Comparison::less, value(Kind::decimal)), column(Kind::int32), trust.capabilities), "");
  EXPECT_EQ(refusal(compare(Comparison::less, value(Kind::float64)), column(Kind::int64), trust.capabilities),
            "comparing int64 with float64 is not exact on the source");
  EXPECT_NE(refusal(compare(Comparison::equal, value(Kind::timestamp)), column(Kind::date), trust.capabilities), "");
}

TEST(MayPush, RefusesComparisonsWithNull) {
  const Trust trust;
  EXPECT_EQ(refusal(compare(Comparison::equal, {{Kind::int32, 0, 0, {}}, std::monostate{}}), column(Kind::int32),
                    trust.capabilities),
            "a comparison with NULL needs no source");
}

TEST(MayPush, LimitsTheLengthOfInLists) {
  const Trust trust;
  const auto list = [](size_t length) {
    return make(In{column_ref(), std::vector<Constant>(length, value(Kind::int32)), false});
  };
  EXPECT_EQ(refusal(list(3), column(Kind::int32), trust.capabilities), "");
  EXPECT_EQ(refusal(list(4), column(Kind::int32), trust.capabilities),
            "IN list of 4 values is longer than the source takes (3)");
}

TEST(MayPush, TakesNullsInAListForAnyColumn) {
  const Trust trust;
  const Constant null{{Kind::text, 0, 0, {}}, std::monostate{}};
  for (const bool negated : {false, true}) {
    EXPECT_EQ(
        refusal(make(In{column_ref(), {value(Kind::int32), null}, negated}), column(Kind::int32), trust.capabilities),
        "");
    EXPECT_EQ(refusal(make(In{column_ref(), {null}, negated}), column(Kind::int32), trust.capabilities), "");
  }
  EXPECT_NE(
      refusal(make(In{column_ref(), {null, value(Kind::float64)}, false}), column(Kind::int32), trust.capabilities),
      "");
}

TEST(MayPush, TakesAnOrWholeOrNotAtAll) {
  const Trust trust;
  const auto good = predicate(Kind::int32, Operation::equality);
  const auto bad = compare(Comparison::equal, value(Kind::float64));
  EXPECT_EQ(refusal(make(Or{{good, good}}), column(Kind::int32), trust.capabilities), "");
  EXPECT_NE(refusal(make(Or{{good, bad}}), column(Kind::int32), trust.capabilities), "");
  EXPECT_NE(refusal(make(Not{make(And{{bad, good}})}), column(Kind::int32), trust.capabilities), "");
}

TEST(MayPush, RefusesZeroBytesInText) {
  const Trust trust;
  const Constant zero{{Kind::text, 0, 0, {}}, std::string("a\0b", 3)};
  EXPECT_EQ(refusal(compare(Comparison::equal, zero), column(Kind::text), trust.capabilities),
            "the text constant holds a zero byte");
  EXPECT_NE(refusal(make(Like{column_ref(), Match::contains, std::string("\0", 1), false}), column(Kind::text),
                    trust.capabilities),
            "");
}

TEST(MayPush, TakesABooleanColumnAsACondition) {
  const Trust trust;
  EXPECT_EQ(refusal(column_ref(), column(Kind::boolean), trust.capabilities), "");
  EXPECT_EQ(refusal(column_ref(), column(Kind::int32), trust.capabilities), "column c is not a condition");
  EXPECT_NE(refusal(column_ref(7), column(Kind::boolean), trust.capabilities), "");
}

/// Trusts everything, and every function over every kind.
struct FunctionTrust : Trust {
  std::vector<FunctionRule> functions;

  FunctionTrust() {
    for (const auto kind : kKinds) {
      rules.push_back({kind, Operation::choice});
      for (int i = 0; i <= static_cast<int>(Function::date_trunc); ++i) {
        functions.push_back({static_cast<Function>(i), kind});
      }
    }
    capabilities.rules = rules;
    capabilities.functions = functions;
  }
  std::string refused(const ExpressionPtr& value, const Column& column) const {
    const auto verdict = may_compute(*value, {&column, 1}, capabilities);
    return verdict ? "" : verdict.error();
  }
};

ExpressionPtr call(Function function, std::vector<ExpressionPtr> arguments, Type type) {
  return make(Call{function, std::move(arguments), std::move(type)});
}
ExpressionPtr integer(int64_t number) { return make(Constant{{Kind::int32, 0, 0, {}}, number}); }
ExpressionPtr text(std::string value) { return make(Constant{{Kind::text, 0, 0, {}}, std::move(value)}); }
ExpressionPtr null() { return make(Constant{{Kind::text, 0, 0, {}}, std::monostate{}}); }

TEST(MayCompute, NeedsARuleForTheKindOfEachArgument) {
  FunctionTrust trust;
  const auto length = call(Function::length, {column_ref()}, {Kind::int64, 0, 0, {}});
  EXPECT_EQ(trust.refused(length, column(Kind::text)), "");
  const FunctionRule of_binary{Function::length, Kind::binary};
  trust.capabilities.functions = {&of_binary, 1};
  EXPECT_EQ(trust.refused(length, column(Kind::text)), "length of text is not proven equal on the source");
}

TEST(MayCompute, TakesTextThatComparesByItsBytesOnly) {
  const FunctionTrust trust;
  const auto length = call(Function::length, {column_ref()}, {Kind::int64, 0, 0, {}});
  auto blind = column(Kind::text);
  blind.collation = Collation::nondeterministic;
  EXPECT_EQ(trust.refused(length, blind), "column c (test) compares by a nondeterministic collation");
  auto carried = column(Kind::text);
  carried.cast_to_text = true;
  EXPECT_EQ(trust.refused(length, carried), "column c (test) is carried as text");
}

TEST(MayCompute, AsksWhatCanFailOfTheSameRowsOnly) {
  const FunctionTrust trust;
  const auto sum = call(Function::add, {column_ref(), integer(1)}, {Kind::int32, 0, 0, {}});
  EXPECT_EQ(trust.refused(sum, column(Kind::int32)), "");
  const auto condition = make(Compare{Comparison::greater, sum, integer(5)});
  EXPECT_EQ(refusal(condition, column(Kind::int32), trust.capabilities),
            "+ can fail, and a source may ask it of rows that it is not asked of here");
  const auto chosen = make(Case{{condition}, {integer(1)}, integer(0), {Kind::int32, 0, 0, {}}});
  EXPECT_NE(trust.refused(chosen, column(Kind::int32)), "") << "a condition of CASE is one too";
}

TEST(MayCompute, KnowsWhichDecimalsFit) {
  const FunctionTrust trust;
  const auto product = [](uint8_t precision) {
    const auto times = make(Constant{{Kind::decimal, 3, 1, {}}, std::string("12.5")});
    return make(Compare{Comparison::greater,
                        call(Function::multiply, {column_ref(), times}, {Kind::decimal, precision, 3, {}}),
                        integer(5)});
  };
  EXPECT_EQ(refusal(product(15), column(Kind::decimal), trust.capabilities), "") << "12 and 3 digits";
  EXPECT_NE(refusal(product(14), column(Kind::decimal), trust.capabilities), "");
}

TEST(MayCompute, TakesConstantsThatMeanTheSameEverywhere) {
  const FunctionTrust trust;
  const auto substring = [](int64_t first, int64_t length) {
    return call(Function::substring, {column_ref(), integer(first), integer(length)}, {Kind::text, 0, 0, {}});
  };
  EXPECT_EQ(trust.refused(substring(1, 0), column(Kind::text)), "");
  for (const auto& odd : {substring(0, 3), substring(-2, 1), substring(1, -1)}) {
    EXPECT_NE(trust.refused(odd, column(Kind::text)), "");
  }
  const auto truncated = [](std::string unit) {
    return call(Function::date_trunc, {text(std::move(unit)), column_ref()}, {Kind::timestamp, 0, 0, {}});
  };
  EXPECT_EQ(trust.refused(truncated("month"), column(Kind::timestamp)), "");
  EXPECT_NE(trust.refused(truncated("millennium"), column(Kind::timestamp)), "");
  const auto otherwise = [](std::string day) {
    const auto constant = make(Constant{{Kind::date, 0, 0, {}}, std::move(day)});
    return call(Function::coalesce, {column_ref(), null(), constant}, {Kind::date, 0, 0, {}});
  };
  EXPECT_EQ(trust.refused(otherwise("2020-01-01"), column(Kind::date)), "");
  EXPECT_NE(trust.refused(otherwise("5881580-07-10"), column(Kind::date)), "");
  EXPECT_NE(trust.refused(otherwise("0044-03-15 (BC)"), column(Kind::date)), "");
}

}  // namespace
}  // namespace weir::plan
