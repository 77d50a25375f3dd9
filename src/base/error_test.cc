#include "base/error.h"

#include <set>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(ErrorTable, HasOneRowForEachCodeInItsOrder) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < error_table().size(); i++) {
    EXPECT_EQ(static_cast<size_t>(error_table()[i].code), i);
    EXPECT_TRUE(names.insert(error_table()[i].name).second) << error_table()[i].name;
  }
  EXPECT_EQ(error_table().back().code, ErrorCode::internal);
}

TEST(Error, ShowsCodeSourceMessageAndHint) {
  Error error{ErrorCode::table_not_found, "no table public.user", "did you mean public.users?", "pg_prod"};
  EXPECT_EQ(error.to_string(), "table_not_found: pg_prod: no table public.user (did you mean public.users?)");
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
}

}  // namespace
}  // namespace weir
