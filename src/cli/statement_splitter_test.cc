#include "cli/statement_splitter.h"

#include <gmock/gmock.h>

namespace weir::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> texts(std::string_view text) {
  std::vector<std::string> found;
  for (const Statement& statement : split_statements(text).statements) found.push_back(statement.text);
  return found;
}

TEST(SplitStatements, CutsAtSemicolonsAndTrims) {
  EXPECT_THAT(texts(" SELECT 1 ;\nSELECT 2;"), ElementsAre("SELECT 1", "SELECT 2"));
}

TEST(SplitStatements, LeavesTheUnfinishedRest) {
  const SplitText split = split_statements("SELECT 1;\n SELECT 2 ");
  EXPECT_EQ(split.rest.text, "SELECT 2");
  EXPECT_EQ(split.inside, Inside::nothing);
}

TEST(SplitStatements, LeavesOutEmptyOnesAndCommentsAlone) {
  EXPECT_THAT(texts(";; -- nothing;\n ; /* ; */ ;"), IsEmpty());
  EXPECT_EQ(split_statements("SELECT 1; -- done;").rest.text, "");
}

TEST(SplitStatements, KeepsSemicolonsInsideQuotes) {
  EXPECT_THAT(texts("SELECT ';', 'it''s;', \"a;\"\"b\";"), ElementsAre("SELECT ';', 'it''s;', \"a;\"\"b\""));
}

TEST(SplitStatements, TakesABackslashAsAnEscapeOnlyAfterE) {
  EXPECT_THAT(texts(R"(SELECT E'a\';b'; SELECT '\'; SELECT 3;)"),
              ElementsAre(R"(SELECT E'a\';b')", R"(SELECT '\')", "SELECT 3"));
}

TEST(SplitStatements, DoesNotTakeTheEndOfAWordForAPrefix) {
  EXPECT_THAT(texts(R"(SELECT date'\'; SELECT 2;)"), ElementsAre(R"(SELECT date'\')", "SELECT 2"));
}

TEST(SplitStatements, KeepsSemicolonsInsideDollarQuotes) {
  EXPECT_THAT(texts("SELECT $$a;b$$, $t$ $$;$t2$; $t$;"), ElementsAre("SELECT $$a;b$$, $t$ $$;$t2$; $t$"));
}

TEST(SplitStatements, TakesParametersAndNamesWithDollarsForWhatTheyAre) {
  EXPECT_THAT(texts("SELECT $1; SELECT a$b$; SELECT $2;"), ElementsAre("SELECT $1", "SELECT a$b$", "SELECT $2"));
}

TEST(SplitStatements, KeepsSemicolonsInsideComments) {
  EXPECT_THAT(texts("SELECT 1 -- a;b\n+ 2; SELECT /* ; /* ; */ ; */ 3;"),
              ElementsAre("SELECT 1 -- a;b\n+ 2", "SELECT /* ; /* ; */ ; */ 3"));
}

TEST(SplitStatements, SaysWhatTheRestIsInsideOf) {
  EXPECT_EQ(split_statements("SELECT 'a").inside, Inside::single_quotes);
  EXPECT_EQ(split_statements("SELECT \"a").inside, Inside::double_quotes);
  EXPECT_EQ(split_statements("SELECT $x$a").inside, Inside::dollar_quotes);
  EXPECT_EQ(split_statements("SELECT /* a").inside, Inside::comment);
  EXPECT_EQ(split_statements("SELECT 1 -- a").inside, Inside::nothing);
}

TEST(SplitStatements, KnowsTheLineOfEachStatement) {
  const SplitText split = split_statements("SELECT\n1;\n\nSELECT 2; SELECT\n3;\nrest");
  ASSERT_EQ(split.statements.size(), 3U);
  EXPECT_EQ(split.statements[0].line, 1);
  EXPECT_EQ(split.statements[1].line, 4);
  EXPECT_EQ(split.statements[2].line, 4);
  EXPECT_EQ(split.rest.line, 6);
}

TEST(SplitStatements, EndsOnAnyText) {
  for (const char* text : {"", "'", "E'\\", "$", "$a", "$$", "/*", "--", "/", "\"\"", "E'", "$1$"})
    split_statements(text);
}

}  // namespace
}  // namespace weir::cli
