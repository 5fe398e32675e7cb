#include <gtest/gtest.h>

#include <filesystem>

TEST(Tidy, SourceTreeIsThere) {
    EXPECT_TRUE(std::filesystem::exists(PILOTFISH_SOURCE_DIR "/core/check.h"));
}
