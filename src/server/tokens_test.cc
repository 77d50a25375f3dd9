#include "server/tokens.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace weir::server {
namespace {

constexpr const char* kFile =
    "# who may what\n"
    "\n"
    "reader-0123456789ab read\r\n"
    "  writer-0123456789ab\twrite  main,pg_shop \n"
    "admin-0123456789abc admin";

Result<engine::Principal> ask(const std::string& authorization) {
  return Tokens::parse(kFile)->authenticate(&authorization);
}

std::string error_of(std::string_view text) {
  const auto tokens = Tokens::parse(text);
  return tokens ? "" : tokens.error().message;
}

class TokenFile {
 public:
  explicit TokenFile(mode_t mode)
      : path_(std::filesystem::path(::testing::TempDir()) / ("tokens-" + std::to_string(::getpid()))) {
    std::ofstream(path_) << kFile;
    ::chmod(path_.c_str(), mode);
  }
  ~TokenFile() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Tokens, KnowTheirRoles) {
  EXPECT_EQ(ask("Bearer reader-0123456789ab")->role, engine::Role::read);
  EXPECT_EQ(ask("Bearer writer-0123456789ab")->role, engine::Role::write);
  EXPECT_EQ(ask("Bearer admin-0123456789abc")->role, engine::Role::admin);
}

TEST(Tokens, AreConfinedToTheirSchemas) {
  EXPECT_EQ(ask("Bearer writer-0123456789ab")->schemas, (std::vector<std::string>{"main", "pg_shop"}));
  EXPECT_TRUE(ask("Bearer reader-0123456789ab")->schemas.empty());
}

TEST(Tokens, AreNamedByTheirLine) { EXPECT_EQ(ask("Bearer reader-0123456789ab")->name, "token-line-3"); }

TEST(Tokens, TheSchemeIsReadInAnyLetterCase) { EXPECT_TRUE(ask("bearer  reader-0123456789ab")); }

TEST(Tokens, RefuseWhatTheyDoNotKnow) {
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer reader-0123456789a", "Bearer reader-0123456789abc",
                            "Basic reader-0123456789ab", "reader-0123456789ab", "Bearer READER-0123456789AB",
                            "Bearer reader-0123456789ab admin", "Bearer #"}) {
    const auto principal = ask(wrong);
    ASSERT_FALSE(principal) << wrong;
    EXPECT_EQ(principal.error().code, ErrorCode::unauthenticated) << wrong;
  }
  EXPECT_FALSE(Tokens::parse(kFile)->authenticate(nullptr));
}

TEST(Tokens, RefuseWrongLinesByTheirNumber) {
  EXPECT_EQ(error_of("# x\nshort read"), "token file line 2: a token is 16 to 512 letters, digits or any of -._~+/=");
  EXPECT_EQ(error_of("reader-0123456789ab root"), "token file line 1: the role is not read, write or admin");
  EXPECT_EQ(error_of("reader-0123456789ab"), "token file line 1: the role is not read, write or admin");
  EXPECT_EQ(error_of("reader-0123456789ab read a, b"), "token file line 1: there is something behind the schemas");
  EXPECT_EQ(error_of("reader-0123456789ab read ,"), "token file line 1: the schemas have no name among them");
  EXPECT_EQ(error_of("reader-0123456789ab admin ,,"), "token file line 1: the schemas have no name among them");
  EXPECT_EQ(error_of("reader-0123456789ab read\nreader-0123456789ab admin"),
            "token file line 2: the token stands on an earlier line, too");
  EXPECT_EQ(error_of("reader-0123456789ab admin main"),
            "token file line 1: an admin token cannot be confined to schemas");
}

TEST(Tokens, AFileWithoutTokensIsRefused) { EXPECT_EQ(error_of("# nobody\n"), "token file holds no token"); }

TEST(Tokens, AreReadFromAPrivateFile) {
  const TokenFile file(0600);
  const auto tokens = Tokens::read(file.path());
  EXPECT_TRUE(tokens) << tokens.error().to_string();
}

TEST(Tokens, AreNotReadFromAFileThatOthersMayUse) {
  for (const mode_t mode : {0640, 0604, 0660, 0601}) {
    const TokenFile file(mode);
    const auto tokens = Tokens::read(file.path());
    ASSERT_FALSE(tokens) << std::oct << mode;
    EXPECT_NE(tokens.error().hint.find("chmod 0600"), std::string::npos);
  }
}

TEST(Tokens, AMissingFileIsNamed) {
  const auto tokens = Tokens::read("/no/such/tokens");
  ASSERT_FALSE(tokens);
  EXPECT_NE(tokens.error().message.find("/no/such/tokens"), std::string::npos);
}

}  // namespace
}  // namespace weir::server
