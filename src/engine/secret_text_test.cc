#include "engine/secret_text.h"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

TEST(HoldsSecret, knows_the_statements_in_every_form) {
  for (const char* sql :
       {"CREATE SECRET s (TYPE s3, KEY_ID 'A', SECRET 'x')", "create or replace persistent secret if not exists (",
        "SELECT 1; CREATE/* x */TEMPORARY -- y\n SECRET", "SELECT ' ; CREATE SECRET s (SECRET 'x", "create secret",
        "ATTACH 'postgres:host=h user=u key=x' AS pg", "attach database if not exists e'x'", "ATTACH OR REPLACE \"x\"",
        "EXPLAIN ATTACH $$x$$", "/* a */ATTACH/**/'x'", "/* ATTACH 'x'"}) {
    EXPECT_TRUE(holds_secret(sql)) << sql;
  }
}

TEST(HoldsSecret, lets_other_statements_be_shown) {
  for (const char* sql : {"", "SELECT secret FROM t", "CREATE TABLE secret (i INT)", "SELECT attach, 'x' FROM t",
                          "CREATE TABLE t AS SELECT secret", "DROP SECRET s", "SELECT * FROM attach_log WHERE a = 'x'",
                          "-- CREATE SECRET\nSELECT 1", "create", "ATTACH"}) {
    EXPECT_FALSE(holds_secret(sql)) << sql;
  }
}

TEST(WithoutText, repeats_no_word_of_a_secret) {
  const Error error{ErrorCode::syntax_error, "syntax error at or near \"'hunter2'\"", {}, {}};
  const auto hidden = without_text(error, "CREATE SECRET s (SECRET 'hunter2'");
  EXPECT_EQ(hidden.code, ErrorCode::syntax_error);
  EXPECT_EQ(hidden.message.find("hunter2"), std::string::npos);
  EXPECT_EQ(without_text(error, "SELECT 'hunter2'").message, error.message);
}

}  // namespace
}  // namespace weir::engine
