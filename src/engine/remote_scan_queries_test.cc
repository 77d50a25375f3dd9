/// Whole queries over remote tables answer as over local copies, whatever is pushed. The "server" is a second DuckDB
/// that runs what it is asked, so this tests plans and predicates, not the rules of trust of a real source.
#include <atomic>
#include <random>

#include <duckdb/common/arrow/arrow_converter.hpp>

#include "engine/remote_test_database.h"
#include "plan/value.h"

namespace weir::engine {
namespace {

using testing::TestDatabase;
using testing::TestSession;
using testing::TestStream;

constexpr const char* kData[] = {
    "CREATE TABLE {}.users AS SELECT i AS id, CASE i % 5 WHEN 0 THEN 'Émile' WHEN 1 THEN 'anna' WHEN 2 THEN 'Zoe' WHEN "
    "3 "
    "THEN '100%_x' ELSE 'bob' END || i AS name, CASE WHEN i % 11 = 0 THEN NULL ELSE ['DE', 'FR', 'us', 'US'][i % 4 + "
    "1] END "
    "AS country, DATE '2024-01-01' + (i % 400)::INTEGER AS signup, i % 3 = 0 AS active FROM range(1, 2001) r(i)",
    "CREATE TABLE {}.orders AS SELECT i AS id, CASE WHEN i % 17 = 0 THEN NULL ELSE (i * 7919) % 2500 END AS user_id, "
    "(((i * 31) % 10000) / 100)::DECIMAL(12,2) AS amount, sin(i) AS price, ['open', 'paid', 'Paid', 'void'][i % 4 + 1] "
    "AS "
    "status, TIMESTAMP '2024-01-01' + INTERVAL (i * 37) MINUTE AS created, (i % 50)::INTEGER AS qty FROM range(1, "
    "20001) r(i)",
    "CREATE TABLE {}.countries (code VARCHAR, label VARCHAR)",
    "INSERT INTO {}.countries VALUES ('DE', 'Germany'), ('FR', 'France'), ('US', 'United States'), ('XX', NULL)",
};

/// Each reads pg.*; run over local.* as well.
constexpr const char* kQueries[] = {
    "SELECT id, name FROM pg.users WHERE country = 'US' AND id < 100 AND name LIKE 'an%'",
    "SELECT id FROM pg.users WHERE name LIKE '100\\%%' OR name LIKE '%0%_x4%'",
    "SELECT count(*) FROM pg.orders",
    "SELECT status, count(*), sum(amount), min(created) FROM pg.orders WHERE qty > 10 GROUP BY status HAVING sum(qty) "
    "> 100",
    "SELECT count(DISTINCT user_id), sum(DISTINCT qty), count(*) FILTER (WHERE qty > 40) FROM pg.orders",
    "SELECT status, qty, count(*) FROM pg.orders WHERE id < 1000 GROUP BY ROLLUP (status, qty)",
    "SELECT id, country FROM pg.users ORDER BY country DESC NULLS FIRST, id LIMIT 7 OFFSET 3",
    "SELECT count(*) FROM (SELECT * FROM pg.orders LIMIT 10) t",
    "SELECT count(*) FROM (SELECT id FROM pg.users LIMIT 10%) t",
    "SELECT count(*) FROM (SELECT id FROM pg.users OFFSET 1990) t",
    "SELECT count(*) FROM (SELECT id FROM (SELECT id FROM pg.users LIMIT 30 OFFSET 5) LIMIT 10 OFFSET 25) t",
    "SELECT id FROM pg.users LIMIT 0",
    "SELECT u.name, o.amount FROM pg.users u JOIN pg.orders o ON o.user_id = u.id WHERE o.id < 50 AND u.active",
    "SELECT c.label, max(o.created) FROM pg.users u JOIN pg.orders o ON o.user_id = u.id JOIN pg.countries c ON c.code "
    "= "
    "u.country GROUP BY c.label",
    "SELECT u.id, o.amount FROM pg.users u LEFT JOIN (SELECT * FROM pg.orders WHERE qty = 7) o ON o.user_id = u.id "
    "WHERE u.id < 300",
    "SELECT u.id, o.x FROM pg.users u LEFT JOIN (SELECT user_id, coalesce(status, 'none') x FROM pg.orders WHERE id < "
    "99) o ON "
    "o.user_id = u.id WHERE u.id < 300",
    "SELECT u.country, c.label, count(*) FROM pg.users u FULL JOIN pg.countries c ON c.code = u.country GROUP BY 1, 2",
    "SELECT count(*), sum(id) FROM pg.users WHERE id IN (SELECT user_id FROM pg.orders WHERE qty = 3)",
    "SELECT count(*) FROM pg.users WHERE id NOT IN (SELECT user_id FROM pg.orders WHERE qty = 3 AND user_id IS NOT "
    "NULL)",
    "SELECT count(*) FROM pg.users u WHERE NOT EXISTS (SELECT 1 FROM pg.orders o WHERE o.user_id = u.id AND o.qty < "
    "30)",
    "WITH t AS (SELECT user_id, sum(amount) s FROM pg.orders GROUP BY user_id) SELECT count(*) FROM t a JOIN t b ON "
    "a.s = b.s "
    "WHERE a.user_id < 500",
    "WITH t AS MATERIALIZED (SELECT * FROM pg.users WHERE id < 50) SELECT a.id, b.name FROM t a, t b WHERE a.id = b.id "
    "+ 1",
    "SELECT id, name FROM pg.users WHERE id < 5 UNION ALL SELECT id, status FROM pg.orders WHERE id < 5",
    "SELECT country FROM pg.users EXCEPT SELECT code FROM pg.countries",
    "SELECT user_id, s, rank() OVER (ORDER BY s DESC, user_id) r FROM (SELECT user_id, sum(amount) s FROM pg.orders "
    "GROUP BY "
    "user_id) QUALIFY r <= 5",
    "SELECT u.id, (SELECT sum(o.amount) FROM pg.orders o WHERE o.user_id = u.id) FROM pg.users u WHERE u.id < 40",
    "SELECT u.id FROM pg.users u WHERE u.id < 90 AND EXISTS (SELECT 1 FROM pg.orders o WHERE o.user_id = u.id AND "
    "o.qty > 45)",
    "SELECT DISTINCT ON (status) status, id FROM pg.orders ORDER BY status, id",
    "SELECT r.range, sum(o.amount) FROM range(100) r JOIN pg.orders o ON o.id = r.range WHERE o.qty > 5 GROUP BY "
    "r.range",
    "SELECT sum(amount), min(status), count(*) FROM pg.orders WHERE id < 0",
    "WITH RECURSIVE t AS (SELECT id FROM pg.users WHERE id = 1 UNION ALL SELECT u.id FROM t JOIN pg.users u ON u.id = "
    "t.id + 1 "
    "WHERE u.id < 6) SELECT * FROM t",
    "SELECT u.id, x.amount FROM pg.users u, LATERAL (SELECT o.amount FROM pg.orders o WHERE o.user_id = u.id ORDER BY "
    "o.amount "
    "DESC, o.id LIMIT 2) x WHERE u.id < 9",
    "SELECT id FROM pg.users WHERE id = (SELECT max(user_id) FROM pg.orders WHERE qty = 3) OR id = 4",
    "SELECT count(*) FROM pg.users u JOIN pg.countries c ON u.country IS NOT DISTINCT FROM c.code",
    "SELECT count(*) FROM pg.users u JOIN pg.countries c ON u.country < c.code AND u.id < 50",
    "SELECT count(*), sum(o.id) FROM pg.users u ASOF JOIN pg.orders o ON u.id = o.user_id AND u.signup >= o.created",
    "SELECT price > 0.5, count(*) FROM pg.orders GROUP BY 1",
    "SELECT count(*) FROM pg.users u JOIN pg.orders o ON o.user_id = u.id WHERE 1 = 0",
    "SELECT 'x' k, country, count(*) FROM pg.users GROUP BY ALL",
    "PIVOT (SELECT status, qty FROM pg.orders WHERE qty < 3) ON qty IN (0, 1, 2) USING count(*) GROUP BY status",
    "SELECT count(*) FROM pg.orders WHERE (qty::BIGINT) * 1000000000 > 5",
    "SELECT count(*) FROM pg.users WHERE id IN (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 1, "
    "2, 3, 4)",
    "SELECT count(*) FROM pg.users WHERE country IN ('US', 'DE', 'zz') AND name NOT IN ('bob4')",
    "SELECT a.id, b.id FROM pg.users a POSITIONAL JOIN (SELECT 1 AS id) b WHERE a.id = 1 OR b.id = 1",
    "SELECT max(d) FROM (SELECT unnest([id, user_id]) d FROM pg.orders WHERE qty = 4)",
};

/// A predicate as the server's SQL.
class Rendering {
 public:
  /// `lies`: of a server that takes texts in two cases for equal, although it is trusted with text.
  Rendering(const plan::Scan& scan, bool lies) : scan_(scan), lies_(lies) {}

  std::string operator()(const plan::Expression& expression) const {
    return std::visit([this](const auto& node) { return "(" + text(node) + ")"; }, expression.node);
  }

 private:
  std::string text(const plan::ColumnRef& ref) const { return scan_.columns[ref.index].name; }
  std::string text(const plan::Constant& constant) const {
    if (constant.is_null()) return "NULL";
    if (const auto* number = std::get_if<int64_t>(&constant.value)) return std::to_string(*number);
    if (const auto* number = std::get_if<double>(&constant.value)) return "'" + std::to_string(*number) + "'::DOUBLE";
    if (const auto* truth = std::get_if<bool>(&constant.value)) return *truth ? "true" : "false";
    const auto type = to_logical_name(constant.type);
    return quote(std::get<std::string>(constant.value)) + "::" + type;
  }
  std::string text(const plan::Compare& compare) const {
    const auto side = [&](const plan::ExpressionPtr& one) {
      return lies_ && is_text(*compare.left) ? "lower" + (*this)(*one) : (*this)(*one);
    };
    return side(compare.left) + std::string(plan::to_string(compare.op)) + side(compare.right);
  }
  std::string text(const plan::In& in) const {
    std::string list;
    for (const auto& value : in.values) list += (list.empty() ? "" : ", ") + text(value);
    return (*this)(*in.input) + (in.negated ? " NOT IN (" : " IN (") + list + ")";
  }
  std::string text(const plan::IsNull& test) const {
    return (*this)(*test.input) + (test.negated ? " IS NOT NULL" : " IS NULL");
  }
  std::string text(const plan::Like& like) const {
    static constexpr const char* kFunctions[] = {"", "prefix", "suffix", "contains"};
    const auto input = (*this)(*like.input);
    auto whole = like.match == plan::Match::like ? input + " LIKE " + quote(like.pattern)
                                                 : std::string(kFunctions[static_cast<int>(like.match)]) + "(" + input +
                                                       ", " + quote(like.pattern) + ")";
    return like.negated ? "NOT (" + whole + ")" : whole;
  }
  std::string text(const plan::And& node) const { return join(node.children, " AND "); }
  std::string text(const plan::Or& node) const { return join(node.children, " OR "); }
  std::string text(const plan::Not& node) const { return "NOT " + (*this)(*node.child); }
  static std::string text(const plan::Call&) { throw std::logic_error("no function is trusted"); }
  static std::string text(const plan::Case&) { throw std::logic_error("no choice is trusted"); }

  std::string join(const std::vector<plan::ExpressionPtr>& children, const char* between) const {
    std::string all;
    for (const auto& child : children) all += (all.empty() ? "" : between) + (*this)(*child);
    return all;
  }
  static std::string quote(const std::string& text) { return "'" + duckdb::StringUtil::Replace(text, "'", "''") + "'"; }
  static std::string to_logical_name(const plan::Type& type) {
    if (type.kind == plan::Kind::decimal) return "DECIMAL(38," + std::to_string(type.scale) + ")";
    return type.kind == plan::Kind::date ? "DATE" : type.kind == plan::Kind::timestamp ? "TIMESTAMP" : "VARCHAR";
  }

  bool is_text(const plan::Expression& value) const {
    return plan::value_type(value, scan_.columns).kind == plan::Kind::text;
  }

  const plan::Scan& scan_;
  bool lies_;
};

std::string server_sql(const plan::Scan& scan, bool lies) {
  std::string list;
  for (const auto index : scan.projection) list += (list.empty() ? "" : ", ") + scan.columns[index].name;
  std::string where;
  for (const auto& filter : scan.filters)
    where += (where.empty() ? " WHERE " : " AND ") + Rendering(scan, lies)(*filter);
  return "SELECT " + (list.empty() ? "1" : list) + " FROM main." + scan.table.table + where +
         (scan.limit ? " LIMIT " + std::to_string(*scan.limit) : "");
}

/// Runs what it was asked on the server.
void serve(duckdb::DuckDB& server, TestStream& stream, bool lies) {
  duckdb::Connection connection(server);
  auto result = connection.Query(server_sql(stream.scan(), lies));
  if (result->HasError()) {
    stream.fail_with(Error{ErrorCode::source_query_failed, result->GetError(), "", ""});
    return;
  }
  while (auto chunk = result->Fetch()) {
    connector::Batch batch;
    batch.rows = static_cast<int64_t>(chunk->size());
    duckdb::ArrowConverter::ToArrowArray(*chunk, batch.columns.get(), connection.context->GetClientProperties(), {});
    stream.give(std::move(batch));
  }
  stream.end();
}

connector::TableInfo table_info(const std::string& name, std::vector<std::pair<std::string, plan::Type>> columns) {
  connector::TableInfo info;
  info.name = {"public", name};
  for (auto& [column, type] : columns) info.columns.push_back(testing::column(column, type));
  info.estimated_rows = 20'000;
  return info;
}

class RemoteScanQueries : public ::testing::Test {
 protected:
  RemoteScanQueries() : server(nullptr), source(database.attach("pg")), session(database) {
    duckdb::Connection connection(server);
    EXPECT_EQ(session.run("CREATE SCHEMA local").error, "");
    for (const std::string statement : kData) {
      const auto at = statement.find("{}");
      EXPECT_FALSE(connection.Query(std::string(statement).replace(at, 2, "main"))->HasError());
      EXPECT_EQ(session.run(std::string(statement).replace(at, 2, "local")).error, "");
    }
    using plan::Kind;
    const plan::Type int64{Kind::int64, 0, 0, {}}, text{Kind::text, 0, 0, {}};
    const auto script = [this](TestStream& stream, const std::stop_token&) { serve(server, stream, lies); };
    source->put({table_info("users", {{"id", int64},
                                      {"name", text},
                                      {"country", text},
                                      {"signup", {Kind::date, 0, 0, {}}},
                                      {"active", {Kind::boolean, 0, 0, {}}}}),
                 script});
    source->put({table_info("orders", {{"id", int64},
                                       {"user_id", int64},
                                       {"amount", {Kind::decimal, 12, 2, {}}},
                                       {"price", {Kind::float64, 0, 0, {}}},
                                       {"status", text},
                                       {"created", {Kind::timestamp, 0, 0, {}}},
                                       {"qty", {Kind::int32, 0, 0, {}}}}),
                 script});
    source->put({table_info("countries", {{"code", text}, {"label", text}}), script});
  }

  std::vector<std::string> rows(const std::string& query) {
    auto answer = session.run(query);
    EXPECT_EQ(answer.error, "") << query;
    std::ranges::sort(answer.rows);
    return answer.rows;
  }
  static std::string locally(const std::string& query) { return duckdb::StringUtil::Replace(query, "pg.", "local."); }

  std::atomic<bool> lies = false;
  duckdb::DuckDB server;
  TestDatabase database;
  std::shared_ptr<testing::TestSource> source;
  TestSession session;
};

TEST_F(RemoteScanQueries, AnswerAsOverLocalCopies) {
  for (const std::string query : kQueries) {
    const auto expected = rows(locally(query));
    EXPECT_EQ(rows(query), expected) << query;
    rows("SET weir_pushdown = false");
    EXPECT_EQ(rows(query), expected) << "pushdown off: " << query;
    rows("SET weir_pushdown = true");
  }
}

/// A random condition over the columns of orders.
class Conditions {
 public:
  explicit Conditions(unsigned seed) : random_(seed) {}

  std::string next(int depth) {
    if (depth > 0 && pick(3) == 0) {
      const char* between = pick(2) == 0 ? " AND " : " OR ";
      return "(" + std::string(pick(4) == 0 ? "NOT " : "") + "(" + next(depth - 1) + between + next(depth - 1) + "))";
    }
    switch (pick(7)) {
      case 0:
        return "qty" + comparison() + std::to_string(pick(55));
      case 1:
        return "amount" + comparison() + std::to_string(pick(100)) + "." + std::to_string(pick(1000));
      case 2:
        return "user_id" + comparison() + (pick(2) == 0 ? "qty" : "id / 3");
      case 3:
        return "status" + comparison() + "'" + status() + "'";
      case 4:
        return std::string(pick(2) == 0 ? "user_id" : "status") + (pick(2) == 0 ? " IS NULL" : " IS NOT NULL");
      case 5:
        return "qty " + std::string(pick(2) == 0 ? "NOT " : "") + "IN (" + std::to_string(pick(50)) + ", " +
               std::to_string(pick(50)) + (pick(4) == 0 ? ", NULL)" : ")");
      default:
        return "status " + std::string(pick(2) == 0 ? "NOT " : "") + "LIKE '" +
               std::vector<std::string>{"p%", "%d", "%ai%", "_a%", "P__d", "%"}[static_cast<size_t>(pick(6))] + "'";
    }
  }

 private:
  int pick(int count) { return std::uniform_int_distribution(0, count - 1)(random_); }
  std::string comparison() {
    return std::vector<std::string>{" = ", " <> ", " < ", " <= ", " > ", " >= "}[static_cast<size_t>(pick(6))];
  }
  std::string status() {
    return std::vector<std::string>{"open", "paid", "Paid", "void", "o"}[static_cast<size_t>(pick(5))];
  }

  std::mt19937 random_;
};

TEST_F(RemoteScanQueries, RandomConditionsSelectTheSameRows) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Conditions conditions(seed);
  int pushed = 0;
  for (int i = 0; i < 200; ++i) {
    const auto query = "SELECT count(*), sum(id) FROM pg.orders WHERE " + conditions.next(3);
    const auto answer = rows(query);
    const auto scans = session.query->scans();
    pushed += !scans.empty() && !scans[0].filters_pushed.empty();
    EXPECT_EQ(answer, rows(locally(query))) << query;
  }
  EXPECT_GE(pushed, 80);
}

TEST_F(RemoteScanQueries, RandomConditionsFindASourceThatLies) {
  lies = true;
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Conditions conditions(seed);
  int different = 0;
  for (int i = 0; i < 200; ++i) {
    const auto query = "SELECT count(*), sum(id) FROM pg.orders WHERE " + conditions.next(3);
    different += rows(query) != rows(locally(query));
  }
  EXPECT_GT(different, 0);
}

}  // namespace
}  // namespace weir::engine
